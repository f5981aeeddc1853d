import type { ReadyAnswer } from './answer.ts';
import type { NameTable, Swap } from './name-table.ts';
import type { Zone } from './zone.ts';

/** What one asker can see, and the answers made for it so far. Valid until one of its zones is swapped. */
export interface View {
  /** The host sees every network, but only names that say which (`SERVICE.NETWORK`). */
  readonly kind: 'container' | 'host';
  /** In the order in which they are searched. */
  readonly zones: readonly Zone[];
  /** Who asks, if it has names of its own for others: only it sees them. */
  readonly linkedAs?: string;
  readonly ready: Map<string, ReadyAnswer | 'forward'>;
}

interface Asker {
  readonly zones: readonly Zone[];
  readonly containerId?: string;
}

/** A view of somebody's, and who that is, if it is a container. */
interface Known {
  readonly view: View;
  readonly containerId: string | undefined;
}

/** Of all views, some 400 bytes each. Random names must not fill the memory: at this many all are dropped. */
const maxReady = 32768;
const maxAskers = 16384;
const maxViews = 16384;

/**
 * Tells askers apart by their address (DESIGN §7). Askers with the same networks share a view, so its
 * ready answers are made once for all of them.
 */
export class Views {
  /** Listener (a network's id, or empty) → the asker's address → what it sees. */
  readonly #byAsker = new Map<string, Map<string, Known>>();
  readonly #byZones = new Map<string, View>();
  #host: View | undefined;
  #kept = 0;

  constructor(private readonly table: NameTable) {
    table.onSwap((swap) => this.#drop(swap));
  }

  /**
   * Somebody asks a network's gateway. A container sees this network first, then its others in the
   * order in which it joined them; anybody else, the host included, sees this network alone.
   */
  onGateway(networkId: string, address: string): View {
    return this.#asker(networkId, address, () => {
      const zone = this.table.zone(networkId);
      if (!zone) return { zones: [] };
      const containerId = zone.byAddress.get(unmapped(address))?.endpoint.containerId;
      return containerId === undefined
        ? { zones: [zone] }
        : { zones: this.#zonesFrom(zone, containerId), containerId };
    });
  }

  /** Somebody says, in EDNS Client Subnet or as a shared entrance's asker, who it is; nobody's address sees nothing. */
  asAddress(address: string): View {
    return this.#asker('', address, () => {
      for (const zone of this.table.zones()) {
        const asker = zone.byAddress.get(unmapped(address));
        const containerId = asker?.endpoint.containerId;
        if (containerId !== undefined) return { zones: this.#zonesFrom(zone, containerId), containerId };
      }
      return { zones: [] };
    });
  }

  asContainer(containerId: string): View {
    this.table.refresh();
    return this.#shared({ zones: this.table.zonesOfContainer(containerId), containerId });
  }

  host(): View {
    this.table.refresh();
    this.#host ??= { kind: 'host', zones: [...this.table.zones()], ready: new Map() };
    return this.#host;
  }

  /** Keeps an answer for the view's next asker. */
  keep(view: View, key: string, ready: ReadyAnswer | 'forward'): void {
    if (this.#kept >= maxReady) this.#dropAll();
    this.#kept++;
    view.ready.set(key, ready);
  }

  #zonesFrom(first: Zone, containerId: string): readonly Zone[] {
    return [first, ...this.table.zonesOfContainer(containerId).filter((zone) => zone !== first)];
  }

  #asker(listener: string, address: string, find: () => Asker): View {
    this.table.refresh();
    const known = this.#byAsker.get(listener)?.get(address);
    if (known) return known.view;
    const asker = find();
    const view = this.#shared(asker);
    const askers = this.#byAsker.get(listener) ?? new Map<string, Known>();
    if (askers.size >= maxAskers) askers.clear();
    this.#byAsker.set(listener, askers.set(address, { view, containerId: asker.containerId }));
    return view;
  }

  #shared({ zones, containerId = '' }: Asker): View {
    const linked = zones.some(({ links }) => links.has(containerId));
    const key = [...zones.map(({ network }) => network.id), linked ? containerId : ''].join();
    const known = this.#byZones.get(key);
    if (known) return known;
    if (this.#byZones.size >= maxViews) this.#dropAll();
    const view: View = {
      kind: 'container',
      zones,
      ...(linked ? { linkedAs: containerId } : {}),
      ready: new Map(),
    };
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

function isOn(zone: Zone, address: string, { containerId }: Known): boolean {
  return containerId === undefined ? zone.byAddress.has(unmapped(address)) : zone.containers.has(containerId);
}

/** A dual-stack socket reports IPv4 peers as `::ffff:a.b.c.d`. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
