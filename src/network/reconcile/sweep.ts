import { folders, keys } from '../../cluster/keys.ts';
import type { AddressRecord, Candidate, Endpoint, Network } from '../../cluster/records.ts';
import type { Container } from '../../container/container.ts';
import type { Owned } from '../../dataplane/inspection.ts';
import { shortId } from '../../lib/ids.ts';
import { mapConcurrent } from '../../lib/map-concurrent.ts';
import { claimOf, DeadAddresses, type Holders } from '../addressing/dead-addresses.ts';
import { driverOf, type NetworkContext } from '../context.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import type { Networks } from '../networks/networks.ts';
import { atOnce, attempt } from './attempt.ts';
import type { LocalClaims } from './local-claims.ts';

/**
 * Removes what nothing claims, and says in the log what and why. Before each method: the node's lock is held alone, so
 * that nothing is in the middle of being made.
 */
export class Sweeper {
  /** The next sweep looks at all networks. */
  #sweepsAll = false;
  readonly #dead: DeadAddresses;

  constructor(
    private readonly parts: NetworkContext,
    private readonly networks: Networks,
    private readonly claims: LocalClaims,
    private readonly endpoints: EndpointStore,
  ) {
    this.#dead = new DeadAddresses(() => parts.clock.monotonic());
  }

  async sweep(): Promise<void> {
    const { parts } = this;
    const claimed = parts.runtime.list().filter(({ state }) => state.status === 'running');
    await attempt(parts, 'left-over endpoints', () => this.#sweepEndpoints());
    await attempt(parts, 'left-over standbys', () => this.#sweepCandidates());
    // Which devices are theirs nobody knows: all are left until they have ended.
    if (this.#unknown().length > 0) return;
    for (const { id, name } of parts.presence.list()) {
      await attempt(parts, `network ${name}`, () => parts.presence.converge(id));
    }
    await attempt(parts, 'left-over kernel objects', () => this.#sweepKernel(claimed));
  }

  /**
   * On the networks that this node takes part in. With `all` on the others, too, until that has gone well once: an
   * earlier life of this node within the same lease may have died there in the middle of an attach.
   */
  async sweepNetworks({ all = false } = {}): Promise<void> {
    const { directory, nodeLease } = this.parts;
    this.#sweepsAll ||= all;
    const everywhere = this.#sweepsAll;
    const nodes = new Set([...directory.nodes().map(({ id }) => id), nodeLease.self.id]);
    const services = new Set(directory.services().map(({ id }) => id));
    const networks = directory
      .networks()
      .filter(
        (network) =>
          everywhere || directory.follows(network) || this.claims.mayHaveLeft?.(network.id) === true,
      );
    let isDone = directory.complete();
    await mapConcurrent(networks, atOnce, async (network) => {
      const swept = await attempt(this.parts, `left-overs on ${network.name}`, () =>
        this.#sweepNetwork(network, { nodes, services }),
      );
      if (!swept) isDone = false;
    });
    if (isDone) this.#sweepsAll = false;
  }

  #unknown(): readonly string[] {
    return this.parts.runtime.unknown?.() ?? [];
  }

  #log(what: string, why: string): void {
    this.parts.log.info(`removed ${what}: ${why}`);
  }

  async #sweepEndpoints(): Promise<void> {
    const { directory } = this.parts;
    const kept = this.claims.endpointIds();
    for (const network of directory.networks())
      await this.#withdrawUnclaimed(network, directory.endpointsOf(network.id), kept);
  }

  async #sweepCandidates(): Promise<void> {
    const { directory, nodeLease, runtime } = this.parts;
    const isHere = ({ containerId, serviceId }: Candidate) => {
      const { state, attachments = [] } = runtime.get(containerId) ?? {};
      return (
        state?.status === 'running' && attachments.some((one) => one.standby && one.serviceId === serviceId)
      );
    };
    for (const one of directory.candidates()) {
      if (one.nodeId !== nodeLease.self.id || isHere(one)) continue;
      const { scope = 'global' } = directory.network(one.networkId) ?? {};
      await directory.commit(scope, [], [{ op: 'delete', key: keys.candidate(one) }]);
      this.#log(
        `container ${one.containerName} from the standbys of a service`,
        'it does not run, or stands by no longer',
      );
    }
  }

  async #withdrawUnclaimed(
    network: Network,
    endpoints: readonly Endpoint[],
    kept: ReadonlySet<string>,
  ): Promise<void> {
    const { self } = this.parts.nodeLease;
    const unknown = this.#unknown();
    for (const endpoint of endpoints) {
      const { id, nodeId, containerId, containerName } = endpoint;
      if (nodeId !== self.id || kept.has(id) || unknown.includes(containerId)) continue;
      await this.endpoints.withdraw(network, endpoint);
      // A plugin does not forget by itself what a crash left half done; kernel objects are swept below.
      const driver = driverOf(this.parts, network);
      if (driver.keepsEndpoints) await driver.leave(network, endpoint);
      this.#log(
        `endpoint ${shortId(id)} of ${containerName} from network ${network.name}`,
        'no container of this node has it',
      );
    }
  }

  /** Endpoints first: while one is there, nobody else may have its address. */
  async #sweepNetwork(network: Network, others: Omit<Holders, 'endpoints'>): Promise<void> {
    const { directory } = this.parts;
    // Removed since.
    if (!directory.network(network.id)) return;
    if (!directory.follows(network)) {
      const endpoints = await this.networks.endpoints(network.id);
      await this.#withdrawUnclaimed(network, endpoints, this.claims.endpointIds());
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
    const kept = this.claims.endpointIds();
    const known = directory.follows(network);
    const dead = known ? this.#dead.expired(folder, claims, { ...others, endpoints }) : [];
    const hasUnknown = this.#unknown().length > 0;
    const ownGone = hasUnknown ? [] : claims.filter(({ holder }) => this.#isOursAndGone(holder, kept));
    const stale = [...ownGone, ...dead].map(({ entry }) => entry);
    for (const { key, version } of stale) {
      await store.commit([{ key, expect: 'version', version }], [{ op: 'delete', key }]);
    }
    if (stale.length === 0) return;
    ipam.forget(network.id);
    const freed = stale.map(({ key }) => decodeURIComponent(key.slice(folder.length)));
    await ipam.remote.giveBack(network, freed);
    this.#log(`the reservation of ${freed.join(', ')} on network ${network.name}`, 'its endpoint is gone');
  }

  #isOursAndGone(holder: AddressRecord | undefined, kept: ReadonlySet<string>): boolean {
    const { self } = this.parts.nodeLease;
    return holder?.owner === 'endpoint' && holder.nodeId === self.id && !kept.has(holder.id);
  }

  async #sweepKernel(claimed: readonly Container[]): Promise<void> {
    const { dataplane, directory } = this.parts;
    const owned = await dataplane.owned();
    const hostEnds = this.claims.hostEnds();
    for (const hostName of owned.interfaces.filter((name) => !hostEnds.has(name))) {
      await dataplane.unplug('', { name: hostName, source: { kind: 'veth', hostName, bridge: '' } });
      this.#log(`interface ${hostName}`, 'no running container has it');
    }
    for (const sandbox of owned.sandboxes) {
      if (claimed.some(({ id }) => id.startsWith(sandbox))) continue;
      await dataplane.removeSandbox(sandbox);
      this.#log(`sandbox ${sandbox}`, 'no container of that id runs');
    }
    if (directory.complete()) await this.#sweepDevices(owned, claimed);
  }

  /** Devices of networks that neither are set up here nor have a container here. */
  async #sweepDevices(owned: Owned, claimed: readonly Container[]): Promise<void> {
    const { dataplane, directory, presence } = this.parts;
    const wanted = claimed.flatMap(({ attachments }) => attachments.map(({ network }) => network));
    // Looked at after the devices: one that came before is of a network that is up, or still held.
    const ids = new Set([...wanted, ...presence.held()]);
    const networks = [...presence.list(), ...directory.networks().filter(({ id }) => ids.has(id))];
    const devices = new Set(networks.flatMap((n) => driverOf(this.parts, n).interfaces?.(n) ?? []));
    const why = 'it belongs to no network on this host';
    for (const name of owned.vxlans.filter((vxlan) => !devices.has(vxlan))) {
      await dataplane.removeVxlan(name);
      this.#log(`vxlan device ${name}`, why);
    }
    for (const name of owned.bridges.filter((bridge) => !devices.has(bridge))) {
      await dataplane.removeBridge(name);
      this.#log(`bridge ${name}`, why);
    }
  }
}
