import { decodeOrSkip } from '../../cluster/decode.ts';
import { keys } from '../../cluster/keys.ts';
import { type Endpoint, endpointSchema, type Network } from '../../cluster/records.ts';
import type { EndpointLink } from '../../container/host-engine.ts';
import type { EngineLinks } from '../../container/host-links.ts';
import type { StaticRoute } from '../../dataplane/links.ts';
import { detachedPeerName } from '../../dataplane/names.ts';
import { familyOf, parseSubnet, withoutPrefix } from '../../lib/addresses.ts';
import { FairleadError, isKind } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { runAll, withUndo } from '../../lib/undo.ts';
import { driverOf, type EngineSide, type NetworkContext } from '../context.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import { addressesOf, endOn } from '../host/host-ends.ts';
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
  readonly parts: NetworkContext;
  readonly engine: EngineSide;
  readonly endpoints: EndpointStore;
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
    if (known?.endpoint.mac) return known.endpoint.mac;
    const { parts, endpoints, pending } = this.deps;
    return await parts.presence.during(network, () =>
      withUndo(async (undo) => {
        const endpoint = await pending.commit(network, asked);
        undo.push('endpoint', () => endpoints.withdrawWhenPossible(network, endpoint));
        await this.#links.putEndpoint(asked.engineEndpointId, { networkId: network.id, endpoint });
        return endpoint.mac ?? '';
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
    const { parts, engine } = this.deps;
    const { endpoint } = link;
    const result = await driverOf(parts, network).join(network, endpoint);
    const { source, namePrefix = 'eth', mtu } = result.interface ?? {};
    if (source?.kind !== 'veth') return { routes: [] };
    const peer = detachedPeerName(engine.tag, endpoint.id);
    const { mac } = endpoint;
    const way = this.#wayToResolver(network, sandboxKey, engineEndpointId);
    const { hostName, bridge } = source;
    const prefix = way ? { resolverPrefix: way.prefix } : {};
    // The link first: what a crash leaves is then known.
    await this.#links.putEndpoint(engineEndpointId, { ...link, hostName, bridge, sandboxKey, ...prefix });
    const [end] = endOn(parts, network, {
      hostName,
      sandbox: sandboxKey,
      mac,
      addresses: addressesOf(endpoint),
    });
    const veth = { source, peer, ...(mac ? { mac } : {}), ...(mtu ? { mtu } : {}), ...(end ? { end } : {}) };
    await parts.presence.during(network, () => parts.dataplane.ensureDetachedVeth(veth));
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
    const { parts } = this.deps;
    const network = parts.directory.network(link.networkId);
    await parts.locks.run('endpoint', link.endpoint.id, () =>
      runAll([
        async () => network && (await this.#withdraw(network, link)),
        () => this.#unplug(link),
        () => this.#links.dropEndpoint(engineEndpointId),
      ]),
    );
    if (network) await parts.presence.converge(network.id);
  }

  async #withdraw(network: Network, link: EndpointLink): Promise<void> {
    const { ipv4, ipv6 } = link.endpoint;
    for (const cidr of [ipv4, ipv6]) {
      if (cidr !== undefined) this.#owed.add(owedKey(network, withoutPrefix(cidr)));
    }
    // Another daemon's life may have named it since; the directory may show less than the store has.
    const shown = this.deps.parts.directory.endpointEntry(network.id, link.endpoint.id)?.record;
    const record = (await this.#stored(network, link.endpoint)) ?? shown ?? link.endpoint;
    await this.deps.endpoints.withdrawWhenPossible(network, record);
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

  async #stored(network: Network, { id }: Endpoint): Promise<Endpoint | undefined> {
    try {
      const store = this.deps.parts.directory.reachable(network.scope);
      const entry = await store.get(keys.endpoint(network.id, id));
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
