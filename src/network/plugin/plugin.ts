import type { Network } from '../../cluster/records.ts';
import { familyOf, parseSubnet, withPrefix } from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { EngineEndpoints, JoinAsked, Joined } from './endpoints.ts';
import type { EndpointAsked, PendingEndpoints } from './pending-endpoints.ts';
import type { EnginePools, PoolAsked } from './pools.ts';
import { networkOption } from './pools.ts';

/**
 * What an Engine asks of us as its network and address plugin (docs.docker.com, "Docker network driver plugins").
 * Every method may be repeated. None may call the Engine, nor wait for what does: it holds locks while it asks.
 */
export interface EnginePlugin {
  createNetwork(asked: NetworkAsked): Promise<void>;
  deleteNetwork(engineNetworkId: string): Promise<void>;
  /** @returns the MAC that the interface gets */
  createEndpoint(engineNetworkId: string, asked: EndpointAsked): Promise<string>;
  join(engineNetworkId: string, asked: JoinAsked): Promise<Joined>;
  deleteEndpoint(engineEndpointId: string): Promise<void>;
  requestPool(asked: PoolAsked): Promise<{ readonly poolId: string; readonly subnet: string }>;
  releasePool(poolId: string): Promise<void>;
  /** `address` empty: any. @returns it with prefix length */
  requestAddress(poolId: string, address: string, purpose: AddressPurpose): Promise<string>;
  releaseAddress(poolId: string, address: string): Promise<void>;
}

export type AddressPurpose = 'gateway' | 'endpoint';

export interface NetworkAsked {
  readonly engineNetworkId: string;
  /** Driver options. */
  readonly options: Readonly<Record<string, string>>;
  /** CIDR. */
  readonly subnets: readonly string[];
}

/** Which of our networks the Engine means (engine/networks.ts). */
export interface PluginNetworks {
  /** @throws not-found when it does not become known in a while */
  ours(engineNetworkId: string): Promise<Network>;
  adoptedPool(poolId: string): Promise<Network>;
  /** The Engine has finished asking about the pool's network. */
  isCreated(poolId: string): boolean;
  /** Somebody creates one at the Engine. @throws forbidden for its subnet | conflict for its name | unavailable */
  expectTyped(asked: NetworkAsked): Promise<void>;
  /** The Engine has begun with a network of ours that it was told of. */
  heard(networkId: string): void;
  deletedThere(engineNetworkId: string): Promise<void>;
}

export interface PluginDeps {
  readonly parts: NetworkContext;
  readonly engine: EngineSide;
  readonly networks: PluginNetworks;
  readonly endpoints: EngineEndpoints;
  readonly pending: PendingEndpoints;
  readonly pools: EnginePools;
}

export function createPlugin({
  parts,
  engine,
  networks,
  endpoints,
  pending,
  pools,
}: PluginDeps): EnginePlugin {
  return {
    async createNetwork(asked) {
      const { engineNetworkId, options } = asked;
      const id = options[networkOption];
      if (id === undefined) return await networks.expectTyped(asked);
      const network = parts.directory.network(id);
      if (!network) throw new FairleadError('not-found', `network ${shortId(id)} is not known here`);
      await engine.links.linkNetwork(engineNetworkId, id);
    },

    deleteNetwork: (engineNetworkId) => networks.deletedThere(engineNetworkId),

    async createEndpoint(engineNetworkId, asked) {
      return await endpoints.create(await networks.ours(engineNetworkId), asked);
    },

    async join(engineNetworkId, asked) {
      return await endpoints.join(await networks.ours(engineNetworkId), asked);
    },

    deleteEndpoint: (engineEndpointId) => endpoints.remove(engineEndpointId),
    async requestPool(asked) {
      const id = asked.options[networkOption];
      if (id !== undefined) networks.heard(id);
      return await pools.request(asked);
    },
    releasePool: (poolId) => pools.release(poolId),

    async requestAddress(poolId, address, purpose) {
      const network = pools.networkOf(poolId);
      if (!network) return await unadopted(poolId, address, purpose);
      if (purpose === 'gateway') return gatewayOf(network, poolId, pools);
      const family = familyOf(subnetOf(network, poolId, pools));
      return await pending.takeAddress(network, family, address === '' ? undefined : address);
    },

    async releaseAddress(poolId, address) {
      const network = pools.networkOf(poolId);
      const isGateway = network?.ipam.pools.some(({ gateway }) => gateway === address);
      if (network && !isGateway) await endpoints.giveBack(network, address);
    },
  };

  /** Of a network that is just being created: gateway and auxiliary addresses; endpoints wait until it is ours. */
  async function unadopted(poolId: string, address: string, purpose: AddressPurpose): Promise<string> {
    if (purpose === 'gateway') return await pools.reserve(poolId, address, 'gateway');
    if (address !== '' && !networks.isCreated(poolId))
      return await pools.reserve(poolId, address, 'auxiliary');
    const network = await networks.adoptedPool(poolId);
    const family = familyOf(subnetOf(network, poolId, pools));
    return await pending.takeAddress(network, family, address === '' ? undefined : address);
  }
}

function subnetOf(network: Network, poolId: string, pools: EnginePools): string {
  const draft = pools.draft(poolId)?.subnet;
  return draft ?? poolId.slice(network.id.length + 1);
}

/** It is nobody's address: every node's bridge has it. */
function gatewayOf(network: Network, poolId: string, pools: EnginePools): string {
  const subnet = subnetOf(network, poolId, pools);
  const pool = network.ipam.pools.find((one) => one.subnet === subnet);
  if (!pool) throw new FairleadError('not-found', `network ${network.name} has no pool ${subnet}`);
  return withPrefix(pool.gateway, parseSubnet(pool.subnet));
}
