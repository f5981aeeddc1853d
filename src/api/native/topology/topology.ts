import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Network } from '../../../cluster/records.ts';
import type { NetworkContents, NetworkView, SubnetView } from '../../../cluster/topology/views.ts';
import { isKind } from '../../../lib/errors.ts';
import type { SubnetUsage } from '../../../network/model.ts';
import type { ApiDeps } from '../../deps.ts';
import { flagOf, queryOf } from '../../http/query.ts';

type Deps = Pick<ApiDeps, 'model' | 'topology' | 'info'>;

/** How full a pool is; absent: the store cannot be asked now. */
interface UsedSubnet extends SubnetView {
  readonly inUse?: number;
  /** At most 2^53-1, which IPv6 has more of. */
  readonly available?: number;
}

/**
 * GET /fairlead/topology: nodes, networks, services and endpoints in one answer. `network=REF` narrows it to one network,
 * `complete=1` has the KV store asked for what this node does not follow, which is marked otherwise.
 */
export function topologyRoute(app: FastifyInstance, deps: Deps): void {
  app.get('/fairlead/topology', async (request, reply) => {
    const query = queryOf(request);
    const text = JSON.stringify(await topologyOf(deps, query.get('network'), flagOf(query, 'complete')));
    const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    reply.headers({ etag: tag, 'cache-control': 'no-cache' });
    if (names(request.headers['if-none-match'], tag)) return reply.code(304).send();
    return reply.type('application/json').send(text);
  });
}

/** RFC 9110 13.1.2: compared weakly. */
function names(ifNoneMatch: string | undefined, tag: string): boolean {
  const tags = (ifNoneMatch ?? '').split(',').map((each) => each.trim().replace(/^W\//, ''));
  return tags.includes(tag) || tags.includes('*');
}

async function topologyOf({ model, topology, info }: Deps, networkRef: string | null, complete: boolean) {
  const named = networkRef ? [model.networks.find(networkRef)] : undefined;
  const asks = complete || named !== undefined;
  const networks = named ?? model.networks.list();
  const found = await Promise.all(networks.map((network) => contentsOf({ model, topology }, network, asks)));
  const contents = found.flatMap((each) => each ?? []);
  return {
    self: info().nodeId,
    nodes: topology.nodes(),
    networks: contents.map(({ network }) => network),
    services: contents.flatMap(({ services }) => services),
    endpoints: contents.flatMap(({ endpoints }) => endpoints),
  };
}

type Contents = Omit<NetworkContents, 'network'> & {
  readonly network: Omit<NetworkView, 'subnets'> & { readonly subnets: readonly UsedSubnet[] };
};

/** Undefined: it has gone meanwhile. */
async function contentsOf(
  { model, topology }: Omit<Deps, 'info'>,
  { id }: Network,
  asks: boolean,
): Promise<Contents | undefined> {
  const known = topology.contents(id);
  const isKnown = known?.network.endpoints === 'known';
  const read = asks && !isKnown ? await ifThere(() => model.networks.endpoints(id)) : undefined;
  const contents = read ? topology.contents(id, read) : known;
  if (!contents) return undefined;
  const counted = (asks || isKnown) && contents.network.subnets.length > 0;
  const usage = counted ? await ifThere(() => model.networks.addressUsage(id)) : undefined;
  return { ...contents, network: withUsage(contents.network, usage ?? []) };
}

/** Undefined while the store is away, or when the network has gone. */
async function ifThere<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isKind(error, 'unavailable') || isKind(error, 'not-found')) return undefined;
    throw error;
  }
}

function withUsage(network: NetworkView, usage: readonly SubnetUsage[]): Contents['network'] {
  const bySubnet = new Map(usage.map((each) => [each.subnet, each]));
  const subnets = network.subnets.map((subnet) => {
    const used = bySubnet.get(subnet.subnet);
    return used ? { ...subnet, inUse: bounded(used.inUse), available: bounded(used.available) } : subnet;
  });
  return { ...network, subnets };
}

function bounded(count: bigint): number {
  return count > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(count);
}
