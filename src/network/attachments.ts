import type { JoinResult } from '../../drivers/driver.ts';
import type { Write } from '../../kvstore/store.ts';
import { keys } from '../cluster/keys.ts';
import type { Endpoint, Network, Service } from '../cluster/records.ts';
import { commitWithRetry } from '../cluster/retry.ts';
import type { Container, JoinedState, Membership } from '../container/runtime.ts';
import { parseSubnet, withoutPrefix } from '../lib/addresses.ts';
import { FairleadError, isKind, messageOf, withContext } from '../lib/errors.ts';
import { shortId } from '../lib/ids.ts';
import { runAll, withUndo } from '../lib/undo.ts';
import { planOwnEndpoint, planServiceEndpoint } from './endpoint-plan.ts';
import { driverOf, type Parts } from './parts.ts';

/**
 * Puts a running container's sandbox on a network and takes it off. The order makes a crash harmless: the
 * endpoint is committed first and the container's record last, so what a dead daemon left half done is an
 * endpoint that no container claims, which reconcile takes away. Leaving goes the other way round: the
 * caller has already written the record without the membership.
 */
export class Attachments {
  constructor(private readonly parts: Parts) {}

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
    const { directory, hostNetworks } = this.parts;
    try {
      await hostNetworks.ensure(network);
      await directory.follow(network);
      return await withUndo(async (undo) => {
        const endpoint = await this.#commit(container, membership, network, service);
        undo.push('endpoint', () => this.withdraw(network, endpoint));
        const driver = driverOf(this.parts, network);
        const result = await driver.join(network, endpoint);
        undo.push('driver join', () => driver.leave(network, endpoint));
        const interfaceName = await this.#plug(container, endpoint, result);
        this.#emit('connect', container, network);
        return {
          ...membership,
          network: network.id,
          ...(service ? { serviceId: service.id } : {}),
          joined: joinedState(network, endpoint, result, interfaceName),
        };
      });
    } catch (error) {
      const target = service ? `service ${service.name}.${network.name}` : `network ${network.name}`;
      throw withContext(`attach ${container.name} to ${target}`, error);
    }
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
    const endpoint = this.#endpointFor(container, network, joined, serviceId);
    await runAll([
      () => this.#withdrawWhenPossible(network, endpoint),
      () => this.#unplug(container, joined),
      () => driverOf(this.parts, network).leave(network, endpoint),
    ]);
    this.#emit('disconnect', container, network);
  }

  /**
   * Makes store and kernel show a joined membership again: after a restart, a lost lease, a minute.
   * @throws conflict when another container has the endpoint or its address by now
   */
  async assert(container: Container, membership: Membership): Promise<void> {
    const { directory, hostNetworks } = this.parts;
    const { joined, serviceId, network: networkId } = membership;
    const network = directory.network(networkId);
    if (!joined) return;
    if (!network) throw new FairleadError('not-found', `network ${shortId(networkId)} is gone`);
    await hostNetworks.ensure(network);
    await directory.follow(network);
    const endpoint = this.#endpointFor(container, network, joined, serviceId);
    await this.#reassert(network, endpoint, membership);
    const result = await driverOf(this.parts, network).join(network, endpoint);
    await this.#plug(container, endpoint, result, joined.interfaceName);
  }

  /** Shows a renamed container's new name in its endpoints' records. */
  async rename(container: Container): Promise<void> {
    for (const { joined, network: networkId } of container.memberships) {
      const network = this.parts.directory.network(networkId);
      if (!joined || !network) continue;
      await commitWithRetry(this.parts.directory, network.scope, `rename ${container.name}`, async () => {
        const entry = this.parts.directory.endpointEntry(networkId, joined.endpointId);
        if (!entry) return { result: undefined, checks: [], writes: [] };
        const { record } = entry;
        const name = record.serviceId ? record.name : container.name;
        const renamed: Endpoint = { ...record, name, containerName: container.name };
        const key = keys.endpoint(networkId, record.id);
        const lease = this.parts.membership.lease(network.scope);
        return {
          result: undefined,
          checks: [{ key, expect: 'version', version: entry.version }],
          writes: [{ op: 'put', key, value: JSON.stringify(renamed), lease }],
        };
      });
    }
  }

  /** Deletes an endpoint's record, and its address where it owns it, if both are still this endpoint's. */
  async withdraw(network: Network, endpoint: Endpoint): Promise<void> {
    const { directory } = this.parts;
    await commitWithRetry(directory, network.scope, `detach ${endpoint.containerName}`, async () => {
      const key = keys.endpoint(network.id, endpoint.id);
      const entry = await directory.reachable(network.scope).get(key);
      const ours = entry && JSON.parse(entry.value).containerId === endpoint.containerId;
      return {
        result: undefined,
        checks: ours ? [{ key, expect: 'version', version: entry.version }] : [],
        writes: [
          ...(ours ? [{ op: 'delete', key } as const] : []),
          ...(await this.#releases(network, endpoint)),
        ],
      };
    });
  }

  async #withdrawWhenPossible(network: Network, endpoint: Endpoint): Promise<void> {
    try {
      await this.withdraw(network, endpoint);
    } catch (error) {
      if (!isKind(error, 'unavailable')) throw error;
      this.parts.log.warn(`endpoint ${shortId(endpoint.id)} stays in the store for now: ${messageOf(error)}`);
    }
  }

  async #releases(network: Network, endpoint: Endpoint): Promise<readonly Write[]> {
    const store = this.parts.directory.reachable(network.scope);
    const releases: Write[] = [];
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
      if (cidr === undefined) continue;
      const held = await store.get(keys.address(network.id, withoutPrefix(cidr)));
      // A service's address stays with the service; one that was reclaimed meanwhile is another's.
      if (held && JSON.parse(held.value).id === endpoint.id)
        releases.push(...this.parts.ipam.release(network.id, cidr));
    }
    return releases;
  }

  #commit(
    container: Container,
    membership: Membership,
    network: Network,
    service?: Service,
  ): Promise<Endpoint> {
    const plan = service && !service.shared ? planServiceEndpoint : planOwnEndpoint;
    const request = { container, membership, network, service };
    return commitWithRetry(this.parts.directory, network.scope, 'commit endpoint', () =>
      plan(this.parts, request),
    );
  }

  async #reassert(network: Network, endpoint: Endpoint, membership: Membership): Promise<void> {
    const { directory, membership: node } = this.parts;
    const key = keys.endpoint(network.id, endpoint.id);
    const shown = directory.endpointEntry(network.id, endpoint.id);
    if (shown && shown.record.containerId !== endpoint.containerId) {
      throw new FairleadError('conflict', `its place was taken by ${shown.record.containerName} meanwhile`);
    }
    if (membership.serviceId && !directory.services().some(({ id }) => id === membership.serviceId)) {
      throw new FairleadError('not-found', `the service ${endpoint.name} is published no longer`);
    }
    const addresses = await this.#reclaims(network, endpoint, membership.serviceId);
    const lease = node.lease(network.scope);
    const result = await directory.commit(
      network.scope,
      [
        shown ? { key, expect: 'version', version: shown.version } : { key, expect: 'absent' },
        ...addresses.map((write) => ({ key: write.key, expect: 'absent' }) as const),
      ],
      [{ op: 'put', key, value: JSON.stringify(endpoint), lease }, ...addresses],
    );
    if (!result.ok) throw new FairleadError('conflict', `its place was taken meanwhile (${result.failed})`);
  }

  /** Addresses that were given up for us while we were away are taken again, if they are still free. */
  async #reclaims(network: Network, endpoint: Endpoint, serviceId?: string): Promise<readonly Write[]> {
    if (serviceId && endpoint.id === this.#exclusiveEndpoint(serviceId)) return [];
    const store = this.parts.directory.reachable(network.scope);
    const owner = { owner: 'endpoint', id: endpoint.id, nodeId: endpoint.nodeId } as const;
    const writes: Write[] = [];
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
      if (cidr === undefined) continue;
      const key = keys.address(network.id, withoutPrefix(cidr));
      const held = await store.get(key);
      if (!held) writes.push({ op: 'put', key, value: JSON.stringify(owner) });
      else if (JSON.parse(held.value).id !== endpoint.id) {
        throw new FairleadError(
          'conflict',
          `its address ${withoutPrefix(cidr)} was given to another endpoint meanwhile`,
        );
      }
    }
    return writes;
  }

  #exclusiveEndpoint(serviceId: string): string | undefined {
    const service = this.parts.directory.services().find(({ id }) => id === serviceId);
    return service?.shared === false ? service.endpointId : undefined;
  }

  /** The record as it is, or as it must have been: a joined membership is enough to make it again. */
  #endpointFor(container: Container, network: Network, joined: JoinedState, serviceId?: string): Endpoint {
    const { directory, membership } = this.parts;
    const shown = directory.endpointEntry(network.id, joined.endpointId)?.record;
    if (shown?.containerId === container.id) return shown;
    const service = directory.services().find(({ id }) => id === serviceId);
    const own = container.memberships.find(({ joined: other }) => other?.endpointId === joined.endpointId);
    return {
      id: joined.endpointId,
      networkId: network.id,
      nodeId: membership.self.id,
      containerId: container.id,
      containerName: container.name,
      name: service?.name ?? container.name,
      ...(serviceId ? { serviceId } : {}),
      created: container.state.startedAt,
      ...(joined.ipv4 ? { ipv4: joined.ipv4 } : {}),
      ...(joined.ipv6 ? { ipv6: joined.ipv6 } : {}),
      ...(joined.mac ? { mac: joined.mac } : {}),
      aliases: [...(service?.aliases ?? []), ...(own?.aliases ?? [])],
      ports: [...(service?.ports ?? container.spec.exposedPorts)],
      healthy: true,
    };
  }

  async #plug(
    container: Container,
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
      addresses: [endpoint.ipv4, endpoint.ipv6].filter((address) => address !== undefined),
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
