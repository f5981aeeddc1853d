import { decodeOrSkip } from '../../cluster/decode.ts';
import { keys } from '../../cluster/keys.ts';
import { type Endpoint, endpointSchema, type Network } from '../../cluster/records.ts';
import type { EndpointLink, EngineLinks } from '../../container/host-engine.ts';
import type { StaticRoute } from '../../dataplane/dataplane.ts';
import { detachedPeerName } from '../../dataplane/names.ts';
import { familyOf, parseSubnet, withoutPrefix } from '../../lib/addresses.ts';
import { FairleadError, isKind } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { runAll, withUndo } from '../../lib/undo.ts';
import type { EndpointRecords } from '../endpoint-records.ts';
import { addressesOf, endOn } from '../host-ends.ts';
import type { Participation } from '../participation.ts';
import { driverOf, type EngineSide, type Parts } from '../parts.ts';
import { endpointTurn } from './names.ts';
import type { EndpointAsked, PendingEndpoints } from './pending-endpoints.ts';

/** What the Engine is to do with the interface that was made for an endpoint. */
export interface Joined {
  /** In the host's namespace, to be moved; absent: the network gives none. */
  readonly interfaceName?: string;
  readonly namePrefix?: string;
  /** The network is the container's way out; absent: the Engine finds it another one. */
  readonly gateway?: string;
  readonly gateway6?: string;
  readonly routes: readonly StaticRoute[];
}

export interface JoinAsked {
  readonly engineEndpointId: string;
  readonly sandboxKey: string;
  /** The container has published ports. */
  readonly publishes: boolean;
}

export interface EndpointsDeps {
  readonly parts: Parts;
  readonly engine: EngineSide;
  readonly records: EndpointRecords;
  readonly participation: Participation;
  readonly pending: PendingEndpoints;
}

/**
 * Endpoints as an Engine makes and unmakes them. The links, in the embedded store, say which of its endpoints is which
 * of ours, so that each step may be repeated, by another life of this daemon too.
 */
export class EngineEndpoints {
  /** Addresses of endpoints that have gone, whose release the Engine is about to ask for. */
  readonly #owed = new Set<string>();

  constructor(private readonly deps: EndpointsDeps) {}

  get #links(): EngineLinks {
    return this.deps.engine.links;
  }

  /** After: the endpoint is in the store and this host is set up for it. @returns its MAC */
  async create(network: Network, asked: EndpointAsked): Promise<string> {
    const known = this.#links.endpoint(asked.engineEndpointId);
    if (known?.mac) return known.mac;
    const { participation, pending } = this.deps;
    return await participation.during(network, () =>
      withUndo(async (undo) => {
        const endpoint = await pending.commit(network, asked);
        undo.push('endpoint', () => this.deps.records.withdrawWhenPossible(network, endpoint));
        const { ipv4, ipv6, mac = '' } = endpoint;
        await this.#links.putEndpoint(asked.engineEndpointId, {
          networkId: network.id,
          endpointId: endpoint.id,
          mac,
          ...(ipv4 ? { ipv4 } : {}),
          ...(ipv6 ? { ipv6 } : {}),
        });
        return mac;
      }),
    );
  }

  /**
   * Before: created. After: its interface is there to be moved into the sandbox. Who publishes ports gets no gateway:
   * the Engine then adds its docker_gwbridge, publishes them there and shows them, as with Swarm's overlays. For all
   * others that bridge is a fifth of what a start takes, and our own gateway leads out as well.
   */
  async join(network: Network, { engineEndpointId, sandboxKey, publishes }: JoinAsked): Promise<Joined> {
    const link = this.#links.endpoint(engineEndpointId);
    if (!link) {
      throw new FairleadError(
        'not-found',
        `endpoint ${shortId(engineEndpointId)} was not made by this daemon`,
      );
    }
    const { parts, engine, participation } = this.deps;
    const endpoint = await this.#recordOf(network, link);
    const result = await driverOf(parts, network).join(network, endpoint);
    const { source, namePrefix = 'eth', mtu } = result.interface ?? {};
    if (source?.kind !== 'veth') return { routes: [] };
    const peer = detachedPeerName(engine.tag, link.endpointId);
    const { mac } = link;
    const way = this.#wayToResolver(network, sandboxKey, engineEndpointId);
    const { hostName, bridge } = source;
    const prefix = way ? { resolverPrefix: way.prefix } : {};
    // The link first: what a crash leaves is then known.
    await this.#links.putEndpoint(engineEndpointId, { ...link, hostName, bridge, sandboxKey, ...prefix });
    const { ipv4, ipv6 } = link;
    const [end] = endOn(parts, network, {
      hostName,
      sandbox: sandboxKey,
      mac,
      addresses: addressesOf({ ipv4, ipv6 }),
    });
    const veth = { source, peer, ...(mac ? { mac } : {}), ...(mtu ? { mtu } : {}), ...(end ? { end } : {}) };
    await participation.during(network, () => parts.dataplane.ensureDetachedVeth(veth));
    const { gateway, gateway6 } = publishes ? {} : result;
    return {
      interfaceName: peer,
      namePrefix,
      ...(gateway ? { gateway } : {}),
      ...(gateway6 ? { gateway6 } : {}),
      routes: [...result.routes, ...(way ? [way.route] : [])],
    };
  }

  /**
   * The route to the resolver by this network. Two routes to one destination cannot be in a sandbox: each further
   * network brings a shorter prefix of it, so that the others serve when one leaves.
   */
  #wayToResolver(
    network: Network,
    sandboxKey: string,
    own: string,
  ): { readonly prefix: number; readonly route: StaticRoute } | undefined {
    const gateways = network.ipam.pools.map(({ gateway }) => gateway);
    const nextHop = gateways.find((gateway) => familyOf(gateway) === 4);
    if (nextHop === undefined) return undefined;
    const others = [...this.#links.endpoints()].filter(
      ([id, link]) => id !== own && link.sandboxKey === sandboxKey,
    );
    const used = new Set(others.map(([, { resolverPrefix }]) => resolverPrefix));
    let prefix = 32;
    while (used.has(prefix)) prefix -= 1;
    const destination = blockOf(this.deps.engine.resolver, prefix);
    return { prefix, route: { destination, nextHop } };
  }

  /** After: nothing of the endpoint is left but its sandbox. Goes on after a failure, and reports all. */
  async remove(engineEndpointId: string): Promise<void> {
    const link = this.#links.endpoint(engineEndpointId);
    if (!link) return;
    const { parts, participation } = this.deps;
    const network = parts.directory.network(link.networkId);
    await parts.queue.run(endpointTurn(link.endpointId), () =>
      runAll([
        async () => network && (await this.#withdraw(network, link)),
        () => this.#unplug(link),
        () => this.#links.dropEndpoint(engineEndpointId),
      ]),
    );
    if (network) await participation.leaveIfUnused(network);
  }

  async #withdraw(network: Network, link: EndpointLink): Promise<void> {
    for (const cidr of [link.ipv4, link.ipv6]) {
      if (cidr !== undefined) this.#owed.add(owedKey(network, withoutPrefix(cidr)));
    }
    // Of another daemon's life the directory may show less than the store has.
    const record = (await this.#stored(network, link)) ?? (await this.#recordOf(network, link));
    await this.deps.records.withdrawWhenPossible(network, record);
  }

  async #unplug({ hostName, bridge }: EndpointLink): Promise<void> {
    if (!hostName || !bridge) return;
    await this.deps.parts.dataplane.unplug('', { name: '', source: { kind: 'veth', hostName, bridge } });
  }

  /** The Engine gives an address back: one of an endpoint that has gone, or one that no endpoint came for. */
  async giveBack(network: Network, address: string): Promise<void> {
    // It was freed with its endpoint, and may be somebody else's by now.
    if (this.#owed.delete(owedKey(network, address))) return;
    await this.deps.pending.giveBack(network, address);
  }

  /** The record as the store has it, or, with the store away, as much of it as the link tells. */
  async #recordOf(network: Network, link: EndpointLink): Promise<Endpoint> {
    const { parts } = this.deps;
    const shown = parts.directory.endpointEntry(network.id, link.endpointId)?.record;
    if (shown) return shown;
    const stored = await this.#stored(network, link);
    if (stored) return stored;
    const { endpointId: id, ipv4, ipv6, mac } = link;
    return {
      id,
      networkId: network.id,
      nodeId: parts.nodeLease.self.id,
      containerId: id,
      containerName: shortId(id),
      name: shortId(id),
      created: '',
      ...(ipv4 ? { ipv4 } : {}),
      ...(ipv6 ? { ipv6 } : {}),
      ...(mac ? { mac } : {}),
      aliases: [],
      ports: [],
      healthy: false,
    };
  }

  async #stored(network: Network, { endpointId }: EndpointLink): Promise<Endpoint | undefined> {
    try {
      const store = this.deps.parts.directory.reachable(network.scope);
      const entry = await store.get(keys.endpoint(network.id, endpointId));
      return entry && decodeOrSkip(endpointSchema, entry);
    } catch (error) {
      if (isKind(error, 'unavailable')) return undefined;
      throw error;
    }
  }
}

function owedKey({ id }: Network, address: string): string {
  return `${id} ${address}`;
}

/** `169.254.53.52/30` of 169.254.53.53 and 30. */
function blockOf(address: string, prefix: number): string {
  return parseSubnet(`${address}/${prefix}`).text;
}
