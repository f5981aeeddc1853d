import { folders } from '../cluster/keys.ts';
import type { AddressRecord, Endpoint, Network } from '../cluster/records.ts';
import type { Container } from '../container/runtime.ts';
import type { Owned, Survey } from '../dataplane/dataplane.ts';
import type { Timer } from '../lib/clock.ts';
import { isKind, messageOf } from '../lib/errors.ts';
import { mapConcurrent } from '../lib/map-concurrent.ts';
import type { Attachments } from './attachments.ts';
import { claimOf, DeadAddresses, type Holders } from './dead-addresses.ts';
import type { Holdings } from './holdings.ts';
import { removeNetwork } from './network-removal.ts';
import type { Networks } from './networks.ts';
import type { Participation } from './participation.ts';
import { driverOf, type Parts } from './parts.ts';
import { ourNetworks } from './predefined.ts';

const intervalMs = 60_000;
/** Addresses that nobody has can wait until the start is through, which people do wait for. */
const sweepAfterMs = 1_000;
/** Containers, or networks, that are looked at together: nearly all of it is waiting for the store. */
const atOnce = 8;

export interface ReconcileOptions {
  /** Left-over addresses are left to `sweepAll`. */
  readonly addressesLater?: boolean;
  /** Sandboxes are put right inside as well, as at the start. */
  readonly thorough?: boolean;
}

/**
 * Makes the kernel match the records: at start, when a lease was replaced, and every minute. Containers'
 * own records are the truth of what this node has on networks; endpoints, addresses and kernel objects of
 * ours that none of them claims are left-overs of a crash and go.
 */
export class Reconciler {
  #timer: Timer | undefined;
  #first: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #passed = false;
  /** The next sweep looks at all networks. */
  #sweepsAll = false;
  readonly #dead: DeadAddresses;

  constructor(
    private readonly parts: Parts,
    private readonly networks: Networks,
    private readonly holdings: Holdings,
    private readonly attachments: Attachments,
    private readonly participation: Participation,
  ) {
    this.#dead = new DeadAddresses(() => parts.clock.monotonic());
  }

  start(): void {
    const { clock } = this.parts;
    this.#timer = clock.every(intervalMs, () => this.run());
    this.#first = clock.after(sweepAfterMs, () => this.sweepAll());
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#first?.cancel();
    await this.#running;
  }

  /** One pass; a step that fails is logged, and the others are done all the same. */
  run(options: ReconcileOptions = {}): Promise<void> {
    this.#running = this.#running.then(async () => {
      await this.#attempt('all', () => this.#pass(options));
    });
    return this.#running;
  }

  /**
   * What this node lost sight of is looked for on every network, not only on those that it takes part in: an earlier
   * life of it within the same lease may have died there in the middle of an attach. That takes a while in a large
   * cluster, and is not waited for. Where it fails, later passes do it.
   */
  sweepAll(): void {
    this.#running = this.#running.then(() => {
      this.#sweepsAll = true;
      return this.parts.gate.alone(() => this.#sweepNetworks());
    });
  }

  async #pass({ addressesLater = false, thorough = false }: ReconcileOptions): Promise<void> {
    await this.#attempt('predefined networks', () => this.networks.ensurePredefined());
    await this.#attempt('half-done removals', () => this.#finishRemovals());
    const before = await this.#survey();
    await this.#attempt('networks', () => this.#setUpNetworks());
    await this.#attempt('address managers', () => this.parts.ipam.remote.replay());
    const present = before && !thorough ? inPlace(this.parts.runtime.list(), before) : undefined;
    await mapConcurrent(this.parts.runtime.list(), atOnce, (container) =>
      this.#attempt(`container ${container.name}`, () => this.holdings.assert(container, present)),
    );
    await this.#attempt('containers', () => this.holdings.settle());
    if (this.parts.directory.complete() && this.holdings.complete()) {
      await this.#attempt('firewall', () => this.parts.hostNetworks.allKnown());
    }
    await this.parts.gate.alone(async () => {
      await this.#sweep();
      if (!addressesLater) await this.#sweepNetworks();
    });
  }

  /**
   * What the kernel has as it should needs no second look, but for the first time, when nothing is known of it. Where
   * the firewall was changed this look makes the next write whole, equal rules or not.
   */
  async #survey(): Promise<Survey | undefined> {
    const first = !this.#passed;
    this.#passed = true;
    if (first) return undefined;
    try {
      return await this.parts.dataplane.survey([]);
    } catch (error) {
      this.parts.log.error(`reconcile survey: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** A network of this host is there with or without containers; one of many hosts only while it has some here. */
  async #setUpNetworks(): Promise<void> {
    const { hostNetworks } = this.parts;
    for (const network of ourNetworks(this.parts)) {
      if (network.scope === 'local') {
        await this.#attempt(`network ${network.name}`, () => this.#setUp(network.id));
      }
    }
    await hostNetworks.repair();
  }

  /** In turn with its removal: what is set up just after it would never be taken away. */
  async #setUp(id: string): Promise<void> {
    const { directory, hostNetworks, gate, queue } = this.parts;
    await gate.shared(() =>
      queue.run(`network ${id}`, async () => {
        const network = directory.network(id);
        if (network && !network.removing) await hostNetworks.ensure(network);
      }),
    );
  }

  /** Removals that this node had begun when it died. */
  async #finishRemovals(): Promise<void> {
    const { directory, nodeLease, gate, queue } = this.parts;
    const ours = directory.networks().filter(({ removing }) => removing?.nodeId === nodeLease.self.id);
    for (const { id, name } of ours) {
      await this.#attempt(`removal of network ${name}`, async () => {
        try {
          await gate.shared(() => queue.run(`network ${id}`, () => removeNetwork(this.parts, id)));
        } catch (error) {
          if (!isKind(error, 'forbidden')) throw error;
        }
      });
    }
  }

  async #sweep(): Promise<void> {
    const claimed = this.parts.runtime.list().filter(({ state }) => state.status === 'running');
    const unknown = this.parts.runtime.unknown?.() ?? [];
    await this.#attempt('left-over endpoints', () => this.#sweepEndpoints());
    // Which devices are theirs nobody knows: all are left until they have ended.
    if (unknown.length > 0) return;
    for (const network of this.parts.hostNetworks.list()) {
      await this.#attempt(`network ${network.name}`, () => this.participation.leaveIfUnused(network));
    }
    await this.#attempt('left-over kernel objects', () => this.#sweepKernel(claimed));
  }

  async #sweepEndpoints(): Promise<void> {
    const { directory } = this.parts;
    const kept = this.holdings.endpointIds();
    for (const network of directory.networks())
      await this.#withdrawUnclaimed(network, directory.endpointsOf(network.id), kept);
  }

  async #withdrawUnclaimed(
    network: Network,
    endpoints: readonly Endpoint[],
    kept: ReadonlySet<string>,
  ): Promise<void> {
    const { self } = this.parts.nodeLease;
    const unknown = this.parts.runtime.unknown?.() ?? [];
    for (const endpoint of endpoints) {
      if (endpoint.nodeId !== self.id || kept.has(endpoint.id) || unknown.includes(endpoint.containerId))
        continue;
      await this.attachments.records.withdraw(network, endpoint);
      // A plugin does not forget by itself what a crash left half done; kernel objects are swept below.
      const driver = driverOf(this.parts, network);
      if (driver.keepsEndpoints) await driver.leave(network, endpoint);
    }
  }

  /** On the networks that this node takes part in; on the others, too, until that has gone well once. */
  async #sweepNetworks(): Promise<void> {
    const { directory, nodeLease } = this.parts;
    const all = this.#sweepsAll;
    const nodes = new Set([...directory.nodes().map(({ id }) => id), nodeLease.self.id]);
    const services = new Set(directory.services().map(({ id }) => id));
    const networks = directory.networks().filter((network) => all || directory.follows(network));
    let isDone = directory.complete();
    await mapConcurrent(networks, atOnce, async (network) => {
      const swept = await this.#attempt(`left-overs on ${network.name}`, () =>
        this.#sweepNetwork(network, { nodes, services }),
      );
      if (!swept) isDone = false;
    });
    if (isDone) this.#sweepsAll = false;
  }

  /** Endpoints first: while one is there, nobody else may have its address. */
  async #sweepNetwork(network: Network, others: Omit<Holders, 'endpoints'>): Promise<void> {
    const { directory } = this.parts;
    // Removed since.
    if (!directory.network(network.id)) return;
    if (!directory.follows(network)) {
      const endpoints = await this.networks.endpoints(network.id);
      await this.#withdrawUnclaimed(network, endpoints, this.holdings.endpointIds());
    }
    if (network.ipam.pools.length > 0) await this.#sweepAddressesOf(network, others);
  }

  /** Addresses that an endpoint of this node took and no longer has, and those of nodes long gone. */
  async #sweepAddressesOf(network: Network, others: Omit<Holders, 'endpoints'>): Promise<void> {
    const { directory, ipam } = this.parts;
    const folder = folders.addressesOf(network.id);
    const store = directory.reachable(network.scope);
    const claims = (await store.list(folder)).map(claimOf);
    const endpoints = new Set(directory.endpointsOf(network.id).map(({ id }) => id));
    // After the look at the store: what was taken before it is known to be somebody's.
    const kept = this.holdings.endpointIds();
    const known = directory.follows(network);
    const dead = known ? this.#dead.expired(folder, claims, { ...others, endpoints }) : [];
    const hasUnknown = (this.parts.runtime.unknown?.() ?? []).length > 0;
    const ownGone = hasUnknown ? [] : claims.filter(({ holder }) => this.#isOursAndGone(holder, kept));
    const stale = [...ownGone, ...dead].map(({ entry }) => entry);
    for (const { key, version } of stale) {
      await store.commit([{ key, expect: 'version', version }], [{ op: 'delete', key }]);
    }
    if (stale.length > 0) ipam.forget(network.id);
    const freed = stale.map(({ key }) => decodeURIComponent(key.slice(folder.length)));
    await ipam.remote.giveBack(network, freed);
  }

  #isOursAndGone(holder: AddressRecord | undefined, kept: ReadonlySet<string>): boolean {
    const { self } = this.parts.nodeLease;
    return holder?.owner === 'endpoint' && holder.nodeId === self.id && !kept.has(holder.id);
  }

  async #sweepKernel(claimed: readonly Container[]): Promise<void> {
    const { dataplane, directory } = this.parts;
    const owned = await dataplane.owned();
    const hostEnds = this.holdings.hostEnds();
    for (const hostName of owned.interfaces.filter((name) => !hostEnds.has(name))) {
      await dataplane.unplug('', { name: hostName, source: { kind: 'veth', hostName, bridge: '' } });
    }
    for (const sandbox of owned.sandboxes) {
      if (!claimed.some(({ id }) => id.startsWith(sandbox))) await dataplane.removeSandbox(sandbox);
    }
    if (directory.complete()) await this.#sweepDevices(owned, claimed);
  }

  /** Devices of networks that neither are set up here nor have a container here. */
  async #sweepDevices(owned: Owned, claimed: readonly Container[]): Promise<void> {
    const { dataplane, directory, hostNetworks } = this.parts;
    const ids = new Set(claimed.flatMap(({ memberships }) => memberships.map(({ network }) => network)));
    const networks = [...hostNetworks.list(), ...directory.networks().filter(({ id }) => ids.has(id))];
    const devices = new Set(networks.flatMap((n) => driverOf(this.parts, n).interfaces?.(n) ?? []));
    for (const name of owned.vxlans.filter((vxlan) => !devices.has(vxlan))) await dataplane.removeVxlan(name);
    for (const name of owned.bridges.filter((bridge) => !devices.has(bridge)))
      await dataplane.removeBridge(name);
  }

  /** @returns whether it went well */
  async #attempt(what: string, step: () => Promise<unknown>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      const level = isKind(error, 'unavailable') ? 'debug' : 'error';
      this.parts.log[level](`reconcile ${what}: ${messageOf(error)}`);
      return false;
    }
  }
}

/** Host ends that are ports of the bridge they belong in: they need no second look. */
function inPlace(containers: readonly Container[], { hostEnds }: Survey): ReadonlySet<string> {
  const bridges = new Map(hostEnds.map(({ name, bridge, up }) => [name, up ? bridge : undefined]));
  const sources = containers.flatMap(({ memberships }) => memberships.flatMap((m) => m.joined?.source ?? []));
  const right = sources.filter((source) =>
    source.kind === 'veth' ? bridges.get(source.hostName) === source.bridge : true,
  );
  return new Set(right.map(({ hostName }) => hostName));
}
