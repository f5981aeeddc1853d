import { isIP } from 'node:net';
import type { NameTable, Swap } from '../names/name-table.ts';
import type { View } from '../names/view.ts';
import { isOnSubnetOf, type Zone } from '../names/zone.ts';
import type { ReadyAnswer } from '../wire/answer.ts';
import type { Asker } from './asker.ts';
import { HostAddresses, isLoopback } from './host-addresses.ts';
import { ownServers } from './own-servers.ts';
import { hostClaimant } from './shares.ts';

interface Found extends Asker {
  readonly containerId?: string;
  /** The kernel says so, which tells of no changes: it is asked each time. */
  readonly passing?: boolean;
}

/** Of all views, some 400 bytes each. Random names must not fill the memory: at this many the largest view's go. */
const maxReady = 32768;
const maxAskers = 16384;
const maxViews = 16384;

/** What askers are kept under that ask elsewhere than at a network's gateway. */
const shared = 'shared';
const onBehalf = 'on behalf';
const host = 'host';

/**
 * Tells askers apart by their address (DESIGN §7). Askers with the same networks share a view, so its
 * ready answers are made once for all of them.
 */
export class Views {
  /** Where they ask (a gateway's network id, for one) → the asker's address → who it is. */
  readonly #byAsker = new Map<string, Map<string, Found>>();
  readonly #byZones = new Map<string, View>();
  #host: View | undefined;
  #kept = 0;

  constructor(
    private readonly table: NameTable,
    private readonly addresses = new HostAddresses(),
  ) {
    table.onSwap((swap) => this.#drop(swap));
  }

  /**
   * Somebody asks a network's gateway. A container sees this network first, then its others in the order in which it
   * joined them; the host, and what else has an address of the network's, see this network alone. Undefined for
   * everybody else, who is not answered (RFC 5358).
   */
  onGateway(networkId: string, address: string): Asker | undefined {
    return this.#asker(networkId, address, (text) => {
      const zone = this.table.zone(networkId);
      const container = zone && this.#containerOn(zone, text);
      if (container) return container;
      const isInside = zone !== undefined && isOnSubnetOf(zone, text);
      const isHost = this.addresses.has(text);
      if (!isInside && !isHost) return undefined;
      const claimant = isHost ? hostClaimant : strangers(networkId);
      return { view: this.#viewOf(zone ? [zone] : []), claimant, passing: !isInside && !isLoopback(text) };
    });
  }

  /** Somebody asks where containers of every network do: one of them, another on this host, or the host itself. */
  onShared(address: string): Asker | undefined {
    return this.#asker(shared, address, (text) => {
      const known = this.#byAddress(text);
      if (known) return known;
      const isHost = this.addresses.has(text);
      if (!isHost && !this.addresses.isInner(text)) return undefined;
      const claimant = isHost ? hostClaimant : { asker: text, network: shared };
      return { view: this.#viewOf([]), claimant, passing: true };
    });
  }

  /** The host's listener is asked on behalf of an address (EDNS Client Subnet); nobody's sees nothing. */
  onBehalfOf(address: string): Asker | undefined {
    return this.#asker(onBehalf, address, (text) => {
      return this.#byAddress(text) ?? { view: this.#viewOf([]), claimant: { asker: text, network: host } };
    });
  }

  /** Whoever reaches the host's listener. */
  onHost(address: string): Asker | undefined {
    return this.#asker(host, address, (text) => {
      const claimant = this.addresses.has(text) ? hostClaimant : { asker: text, network: host };
      return { view: this.#hostView(), claimant };
    });
  }

  asContainer(containerId: string): Asker {
    return this.#container(this.table.zonesOfContainer(containerId), containerId);
  }

  /** Keeps an answer for the view's next asker. */
  keep(view: View, key: string, ready: ReadyAnswer | 'forward'): void {
    if (this.#kept >= maxReady) this.#dropLargest();
    this.#kept++;
    view.ready.set(key, ready);
  }

  #hostView(): View {
    this.#host ??= { kind: 'host', zones: [...this.table.zones()], hasWayOut: true, ready: new Map() };
    return this.#host;
  }

  #byAddress(address: string): Found | undefined {
    let isInternal = false;
    let inside: Zone | undefined;
    for (const zone of this.table.zones()) {
      const container = this.#containerOn(zone, address);
      if (container) return container;
      if (!isOnSubnetOf(zone, address)) continue;
      inside ??= zone;
      isInternal ||= zone.network.internal;
    }
    // One that is just being started, say: it sees nothing yet, and what it may do is not known.
    return inside && { view: this.#viewOf([], '', !isInternal), claimant: strangers(inside.network.id) };
  }

  #containerOn(zone: Zone, address: string): Found | undefined {
    const containerId = zone.byAddress.get(address)?.endpoint.containerId;
    if (containerId === undefined) return undefined;
    const others = this.table.zonesOfContainer(containerId).filter((other) => other !== zone);
    return { ...this.#container([zone, ...others], containerId), containerId };
  }

  #container(zones: readonly Zone[], containerId: string): Asker {
    const view = this.#viewOf(zones, containerId);
    const claimant = { asker: containerId, network: zones[0]?.network.id ?? host };
    const servers = zones.flatMap((zone) => zone.servers.get(containerId) ?? []);
    if (servers.length === 0) return { view, claimant };
    const address = () => zones[0] && addressIn(zones[0], containerId);
    // Each of its endpoints says the same.
    const asker = { view, servers: [...new Set(servers)], address };
    return { view, claimant, servers: ownServers(asker, this.table) };
  }

  #asker(where: string, address: string, find: (address: string) => Found | undefined): Asker | undefined {
    this.table.refresh();
    const known = this.#byAsker.get(where)?.get(address);
    if (known) return known;
    const text = unmapped(address);
    const asker = isIP(text) === 0 ? undefined : find(text);
    if (!asker || asker.passing) return asker;
    const askers = this.#byAsker.get(where) ?? new Map<string, Found>();
    if (askers.size >= maxAskers) askers.clear();
    this.#byAsker.set(where, askers.set(address, asker));
    return asker;
  }

  /** Who is on no network is not held back by one. */
  #viewOf(
    zones: readonly Zone[],
    containerId = '',
    hasWayOut = zones.length === 0 || zones.some(isOpen),
  ): View {
    const linked = zones.some(({ links }) => links.has(containerId));
    const key = [...zones.map(({ network }) => network.id), linked ? containerId : '', hasWayOut].join();
    const known = this.#byZones.get(key);
    if (known) return known;
    if (this.#byZones.size >= maxViews) this.#dropAll();
    const links = linked ? { linkedAs: containerId } : {};
    const view: View = { kind: 'container', zones, hasWayOut, ...links, ready: new Map() };
    this.#byZones.set(key, view);
    return view;
  }

  /** What is made of the zone before, and views of containers that it is new to. */
  #drop({ networkId, zone, concernsAll }: Swap): void {
    if (concernsAll) {
      this.#dropAll();
      return;
    }
    const sees = ({ zones }: View) => zones.some(({ network }) => network.id === networkId);
    this.#forget(this.#host);
    this.#host = undefined;
    for (const [key, view] of this.#byZones) {
      if (!sees(view)) continue;
      this.#forget(view);
      this.#byZones.delete(key);
    }
    for (const askers of this.#byAsker.values()) {
      for (const [address, known] of askers) {
        if (sees(known.view) || (zone && isOn(zone, address, known))) askers.delete(address);
      }
    }
  }

  /** Whoever asks for the most names loses them, and nobody else. */
  #dropLargest(): void {
    let largest = this.#host;
    for (const view of this.#byZones.values()) {
      if (view.ready.size > (largest?.ready.size ?? 0)) largest = view;
    }
    this.#forget(largest);
    largest?.ready.clear();
  }

  #forget(view: View | undefined): void {
    this.#kept -= view?.ready.size ?? 0;
  }

  #dropAll(): void {
    this.#kept = 0;
    this.#byAsker.clear();
    this.#byZones.clear();
    this.#host = undefined;
  }
}

/** Whoever has an address of the network's that is no endpoint's, all together: one may take any number of them. */
function strangers(networkId: string) {
  return { asker: `strangers on ${networkId}`, network: networkId };
}

function addressIn({ byAddress }: Zone, containerId: string): string | undefined {
  for (const [address, { endpoint }] of byAddress) if (endpoint.containerId === containerId) return address;
  return undefined;
}

function isOpen({ network }: Zone): boolean {
  return !network.internal;
}

function isOn(zone: Zone, address: string, { containerId }: Found): boolean {
  return containerId === undefined ? zone.byAddress.has(unmapped(address)) : zone.containers.has(containerId);
}

/** A dual-stack socket reports IPv4 peers as `::ffff:a.b.c.d`. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
