import type { JoinResult } from '../../drivers/driver.ts';
import type { Endpoint, Network, Service } from '../cluster/records.ts';
import type { Container, JoinedState, Membership } from '../container/runtime.ts';
import { familyOf, parseSubnet } from '../lib/addresses.ts';
import { FairleadError, withContext } from '../lib/errors.ts';
import { shortId } from '../lib/ids.ts';
import { runAll, type UndoStack, withUndo } from '../lib/undo.ts';
import type { EndpointRecords } from './endpoint-records.ts';
import type { Participation } from './participation.ts';
import { driverOf, type Parts } from './parts.ts';

/**
 * Puts a running container's sandbox on a network and takes it off. The order makes a crash harmless: the
 * endpoint is committed first and the container's record last, so what a dead daemon left half done is an
 * endpoint that no container claims, which reconcile takes away. Leaving goes the other way round: the
 * caller has already written the record without the membership.
 */
export class Attachments {
  constructor(
    private readonly parts: Parts,
    readonly records: EndpointRecords,
    private readonly participation: Participation,
  ) {}

  /**
   * Before: the container's sandbox exists. After: its endpoint is in the store and its interface is up.
   * @returns the membership, joined, for the container's record
   */
  async join(
    container: Container,
    membership: Membership,
    network: Network,
    service?: Service,
  ): Promise<Membership> {
    try {
      return await this.participation.during(network, () =>
        withUndo((undo) => this.#join(undo, container, membership, network, service)),
      );
    } catch (error) {
      const target = service ? `service ${service.name}.${network.name}` : `network ${network.name}`;
      throw withContext(`attach ${container.name} to ${target}`, error);
    }
  }

  async #join(
    undo: UndoStack,
    container: Container,
    membership: Membership,
    network: Network,
    service?: Service,
  ): Promise<Membership> {
    const endpoint = await this.records.put({ container, membership, network, service });
    undo.push('endpoint', () => this.records.withdraw(network, endpoint));
    const driver = driverOf(this.parts, network);
    const result = await driver.join(network, endpoint);
    undo.push('driver join', () => driver.leave(network, endpoint));
    const interfaceName = await this.#plug(container, membership, endpoint, result);
    this.#emit('connect', container, network);
    return {
      ...membership,
      network: network.id,
      ...(service ? { serviceId: service.id } : {}),
      joined: joinedState(network, endpoint, result, interfaceName),
    };
  }

  /**
   * Takes a joined membership off: the name first, then the interface. Goes on after a failure and reports
   * all of them. With the KV store away the endpoint's record stays behind for reconcile.
   */
  async leave(container: Container, { network: networkId, joined, serviceId }: Membership): Promise<void> {
    const network = this.parts.directory.network(networkId);
    if (!joined) return;
    // Its network went by force or on another host: what is left here is the interface.
    if (!network) return await this.#unplug(container, joined);
    const endpoint = this.records.recall(container, network, joined, serviceId);
    await runAll([
      () => this.records.withdrawWhenPossible(network, endpoint),
      () => this.#unplug(container, joined),
      () => driverOf(this.parts, network).leave(network, endpoint),
      () => this.participation.leaveIfUnused(network),
    ]);
    this.#emit('disconnect', container, network);
  }

  /**
   * Makes store and kernel show a joined membership again: after a restart, a lost lease, a minute.
   * `present` are the host's ends that the kernel has: those are left as they are; absent: all are repaired.
   * @returns whether the interface had to be put in again
   * @throws conflict when another container has the endpoint or its address by now
   */
  async assert(
    container: Container,
    membership: Membership,
    present?: ReadonlySet<string>,
  ): Promise<boolean> {
    const { joined, network: networkId } = membership;
    const { directory } = this.parts;
    const network = directory.network(networkId);
    // While the KV store has not been seen, nothing of it is known to be gone.
    if (!joined || (network?.scope !== 'local' && !directory.complete())) return false;
    if (!network) throw new FairleadError('not-found', `network ${shortId(networkId)} is gone`);
    return await this.participation.during(network, () =>
      this.#assert(container, membership, network, joined, present),
    );
  }

  async #assert(
    container: Container,
    membership: Membership,
    network: Network,
    joined: JoinedState,
    present?: ReadonlySet<string>,
  ): Promise<boolean> {
    const endpoint = this.records.recall(container, network, joined, membership.serviceId);
    await this.records.reassert(network, endpoint, membership);
    if (!joined.source || present?.has(joined.source.hostName)) return false;
    const result = await driverOf(this.parts, network).join(network, endpoint);
    await this.#plug(container, membership, endpoint, result, joined.interfaceName);
    return true;
  }

  async #plug(
    container: Container,
    { linkLocal = [] }: Membership,
    endpoint: Endpoint,
    result: JoinResult,
    known?: string,
  ): Promise<string | undefined> {
    if (!result.interface) return undefined;
    const { source, namePrefix, mtu, mac = endpoint.mac } = result.interface;
    const name = known ?? this.#freeName(container, namePrefix);
    await this.parts.dataplane.plug(this.parts.runtime.sandboxOf(container.id), {
      name,
      source,
      addresses: [endpoint.ipv4, endpoint.ipv6, ...linkLocal.map(onLink)].filter((a) => a !== undefined),
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      routes: result.routes,
    });
    return name;
  }

  async #unplug(container: Container, { interfaceName, source }: JoinedState): Promise<void> {
    if (!interfaceName || !source) return;
    await this.parts.dataplane.unplug(this.parts.runtime.sandboxOf(container.id), {
      name: interfaceName,
      source,
    });
  }

  #freeName(container: Container, prefix: string): string {
    const current = this.parts.runtime.get(container.id) ?? container;
    const used = new Set(current.memberships.map(({ joined }) => joined?.interfaceName));
    for (let n = 0; ; n += 1) {
      if (!used.has(`${prefix}${n}`)) return `${prefix}${n}`;
    }
  }

  #emit(action: string, container: Container, network: Network): void {
    const { id: ID, name, driver: type, scope } = network;
    const Attributes = { container: container.id, name, type };
    this.parts.events.emit({ Type: 'network', Action: action, Actor: { ID, Attributes }, scope });
  }
}

/** With the prefix length of its block. */
function onLink(address: string): string {
  return `${address}/${familyOf(address) === 4 ? 16 : 64}`;
}

function joinedState(
  network: Network,
  endpoint: Endpoint,
  result: JoinResult,
  interfaceName: string | undefined,
): JoinedState {
  const pool =
    network.ipam.pools.find(({ subnet }) => parseSubnet(subnet).family === 4) ?? network.ipam.pools[0];
  return {
    endpointId: endpoint.id,
    ...(interfaceName ? { interfaceName } : {}),
    ...(result.interface ? { source: result.interface.source } : {}),
    ...(endpoint.ipv4 ? { ipv4: endpoint.ipv4 } : {}),
    ...(endpoint.ipv6 ? { ipv6: endpoint.ipv6 } : {}),
    ...(endpoint.mac ? { mac: endpoint.mac } : {}),
    ...(result.gateway ? { gateway: result.gateway } : {}),
    ...(result.gateway6 ? { gateway6: result.gateway6 } : {}),
    ...(pool && result.interface ? { resolver: pool.gateway } : {}),
  };
}
