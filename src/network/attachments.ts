import type { JoinPlace, JoinResult } from '../../drivers/driver.ts';
import type { Endpoint, Network, Service } from '../cluster/records.ts';
import type { Container, JoinedState, Membership } from '../container/runtime.ts';
import { parseSubnet } from '../lib/addresses.ts';
import { FairleadError, isKind, withContext } from '../lib/errors.ts';
import { shortId } from '../lib/ids.ts';
import { runAll, type UndoStack, withUndo } from '../lib/undo.ts';
import type { EndpointRecords } from './endpoint-records.ts';
import { addressesOf, sendsAnything } from './host-ends.ts';
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
    undo.push('endpoint', () => this.records.withdrawWhenPossible(network, endpoint));
    const driver = driverOf(this.parts, network);
    const result = await driver.join(network, endpoint, this.#placeOf(container, membership));
    undo.push('driver join', () => driver.leave(network, endpoint));
    const settled = await this.records.assign(network, endpoint, result.assigned);
    const interfaceName = await this.#plug(container, membership, network, settled, result);
    this.#emit('connect', container, network);
    return {
      ...membership,
      network: network.id,
      ...(service ? { serviceId: service.id } : {}),
      joined: joinedState(settled, result, await this.#resolver(network, result), interfaceName),
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
    // What a plugin lent goes back to it; an interface that a driver of ours made is its own to take away.
    const lent = joined.source?.kind === 'existing';
    await runAll([
      () => this.records.withdrawWhenPossible(network, endpoint),
      async () => lent && (await this.#unplug(container, joined)),
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
    const driver = driverOf(this.parts, network);
    if (driver.keepsEndpoints) {
      if (await this.#isWhole(container, membership, joined)) return false;
      // The plugin believes in an endpoint that is no more: it makes a new one.
      await driver.leave(network, endpoint);
    }
    const result = await driver.join(network, endpoint, this.#placeOf(container, membership));
    await this.#plug(container, membership, network, endpoint, result, joined.interfaceName);
    return true;
  }

  /** An interface that a plugin lent is in the sandbox, or can be put there again, as it was. */
  async #isWhole(container: Container, membership: Membership, joined: JoinedState): Promise<boolean> {
    const { interfaceName: name, source, mac, routes = [] } = joined;
    if (!name || !source) return true;
    try {
      await this.parts.dataplane.plug(this.parts.runtime.sandboxOf(container.id), {
        name,
        source,
        addresses: addressesOf(joined, membership),
        ...(mac ? { mac } : {}),
        routes,
      });
      return true;
    } catch (error) {
      if (isKind(error, 'not-found')) return false;
      throw error;
    }
  }

  #placeOf({ id, spec }: Container, { driverOptions = {} }: Membership): JoinPlace {
    const { dataplane, runtime } = this.parts;
    const sandboxPath = dataplane.sandboxPath(runtime.sandboxOf(id));
    return { sandboxPath, options: driverOptions, ports: spec.publish?.ports ?? [] };
  }

  /** A plugin's gateway may be anywhere: DNS answers on those that this host has. */
  async #resolver(network: Network, result: JoinResult): Promise<string | undefined> {
    const pools = network.ipam.pools;
    const pool = pools.find(({ subnet }) => parseSubnet(subnet).family === 4) ?? pools[0];
    if (!pool || !result.interface) return undefined;
    const { foreignGateways = false } = driverOf(this.parts, network);
    const here = !foreignGateways || (await this.parts.dataplane.mtuOf(pool.gateway)) !== undefined;
    return here ? pool.gateway : undefined;
  }

  async #plug(
    container: Container,
    membership: Membership,
    network: Network,
    endpoint: Endpoint,
    result: JoinResult,
    known?: string,
  ): Promise<string | undefined> {
    if (!result.interface) return undefined;
    const { source, namePrefix, mtu, mac = endpoint.mac } = result.interface;
    const name = known ?? result.interface.name ?? this.#freeName(container, namePrefix);
    const sandbox = this.parts.runtime.sandboxOf(container.id);
    const plug = {
      name,
      source,
      addresses: addressesOf(endpoint, membership),
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      routes: result.routes,
      ...(sendsAnything(this.parts, network) ? { anySource: true } : {}),
    };
    try {
      await this.parts.dataplane.plug(sandbox, plug);
    } catch (error) {
      // What was lent may be in the sandbox already, and goes back to whom it belongs to.
      if (source.kind === 'existing')
        await this.parts.dataplane.unplug(sandbox, { name, source }).catch(() => {});
      throw error;
    }
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

function joinedState(
  endpoint: Endpoint,
  result: JoinResult,
  resolver: string | undefined,
  interfaceName: string | undefined,
): JoinedState {
  return {
    endpointId: endpoint.id,
    ...(interfaceName ? { interfaceName } : {}),
    ...(result.interface ? { source: result.interface.source } : {}),
    ...(endpoint.ipv4 ? { ipv4: endpoint.ipv4 } : {}),
    ...(endpoint.ipv6 ? { ipv6: endpoint.ipv6 } : {}),
    ...(endpoint.mac ? { mac: endpoint.mac } : {}),
    ...(result.gateway ? { gateway: result.gateway } : {}),
    ...(result.gateway6 ? { gateway6: result.gateway6 } : {}),
    ...(resolver ? { resolver } : {}),
    ...(result.routes.length > 0 ? { routes: result.routes } : {}),
  };
}
