import type { Driver } from '../../../drivers/driver.ts';
import type { Network, Pool, Scope, Subnets } from '../../cluster/records.ts';
import { parseSubnet } from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import type { NetworkContext } from '../context.ts';
import type { NetworkSpec, PoolSpec } from '../model.ts';
import { emptyPool } from './gateways.ts';
import { planDefaultPool, planGivenPools, planPools, planUniqueLocalPool, type Taken } from './pools.ts';

export interface PoolsWanted {
  readonly driver: Driver;
  readonly scope: Scope;
  readonly spec: NetworkSpec;
  /** The store's document of subnets. */
  readonly used: Subnets;
  readonly hostSubnets: readonly string[];
  /** By an IPAM plugin. */
  readonly given: Network['ipam'] | undefined;
}

type PoolContext = Pick<NetworkContext, 'directory' | 'settings' | 'driverNamed'>;

/** Decides the pools of a network about to be created. @throws invalid | forbidden (overlap) | exhausted */
export function planIpam(parts: PoolContext, wanted: PoolsWanted): Network['ipam'] {
  const { driver: network, scope, spec, used, hostSubnets, given } = wanted;
  if (given) return accept(parts, network, given, used);
  refuseWithoutFamily(spec);
  const { options } = spec.ipam ?? {};
  const driver = spec.ipam?.driver || 'default';
  const chosen = { driver, options: { ...options }, ...(options ? {} : { optionsUnset: true as const }) };
  // With `null` a network plugin gives the addresses by itself.
  if (!network.addressed || (network.givesAddresses && driver === 'null')) return { ...chosen, pools: [] };
  if (driver === 'null') throw nullManager(spec);
  const ours = takenByNetworks(parts, used);
  const config = spec.ipam?.config ?? [];
  const idle = spec.ipv6 ? [] : config.filter(({ subnet }) => subnet && parseSubnet(subnet).family === 6);
  const effective = config.filter((pool) => !idle.includes(pool));
  const { localPools, globalPools } = parts.settings;
  const source = {
    defaults: scope === 'global' ? globalPools : localPools,
    taken: ours,
    others: takenByOthers(parts, hostSubnets),
  };
  const pools = [...planPools(effective, source)];
  const families = new Set(pools.map(({ subnet }) => parseSubnet(subnet).family));
  if (!families.has(4) && spec.ipv4 !== false) {
    pools.unshift(planDefaultPool(source.defaults, [...source.taken, ...source.others]));
  }
  if (spec.ipv6 && !families.has(6)) pools.push(planUniqueLocalPool());
  const shown = planPools(idle, { ...source, taken: [] }).map(({ subnet }) => subnet);
  return {
    ...chosen,
    pools: network.apartFromHost ? withGatewaysMarked(pools, effective) : pools,
    ...(shown.length > 0 ? { idle: shown } : {}),
  };
}

/** Where the gateway is a router of others, one that nobody named is ours to choose but not to show. */
function withGatewaysMarked(pools: readonly Pool[], config: readonly PoolSpec[]): Pool[] {
  const named = config.flatMap(({ subnet, gateway }) => (subnet && gateway ? parseSubnet(subnet).text : []));
  return pools.map((pool) => (named.includes(pool.subnet) ? pool : { ...pool, gatewayUnnamed: true }));
}

/** The Engine's `null` address manager has one pool, of all addresses, which no driver but a plugin takes. */
function nullManager({ ipv4, ipam }: NetworkSpec): FairleadError {
  if (!ipam?.config?.some(({ subnet }) => subnet)) return emptyPool(ipv4 === false ? 6 : 4);
  return new FairleadError('invalid', 'null ipam driver does not handle specific address pool requests');
}

function refuseWithoutFamily({ ipv4, ipv6, ipam }: NetworkSpec): void {
  if (ipv4 !== false) return;
  if (!ipv6) throw new FairleadError('invalid', 'IPv4 or IPv6 must be enabled');
  const given = ipam?.config?.flatMap(({ subnet }) => subnet ?? []) ?? [];
  const wrong = given.find((subnet) => parseSubnet(subnet).family === 4);
  if (wrong === undefined) return;
  throw new FairleadError('invalid', `IPv4 is disabled for this network: leave the subnet ${wrong} out`);
}

/** What a plugin routes with addresses of a plugin may overlap anything: none of it is routed by this host. */
export function sharesOurSpace({ routesElsewhere }: Driver, { addressSpace }: Network['ipam']): boolean {
  return !routesElsewhere || addressSpace === undefined;
}

function accept(parts: PoolContext, driver: Driver, given: Network['ipam'], used: Subnets): Network['ipam'] {
  if (sharesOurSpace(driver, given)) {
    const config = given.pools.map(({ subnet }) => ({ subnet }));
    planGivenPools(config, takenByNetworks(parts, used));
  }
  return given;
}

/** What a default pool leaves to others: this host's routes, and the networks that any node's Engine has for itself. */
export function takenByOthers(
  { directory }: Pick<NetworkContext, 'directory'>,
  hostSubnets: readonly string[],
): Taken[] {
  const engines = directory.nodes().flatMap(({ name, engineSubnets = [] }) =>
    engineSubnets.map((text) => ({
      subnet: parseSubnet(text),
      by: `a network of the Docker Engine of ${name}`,
    })),
  );
  const routes = hostSubnets.map((text) => ({ subnet: parseSubnet(text), by: 'a route of this host' }));
  return [...engines, ...routes];
}

/** Networks of both scopes: they all meet on this host. */
export function takenByNetworks({ directory, driverNamed }: PoolContext, used: Subnets): Taken[] {
  const networks = directory.networks();
  const known = networks.flatMap(({ id, name, ipam, driver }) =>
    id in used || !sharesOurSpace(driverNamed(driver), ipam)
      ? []
      : ipam.pools.map(({ subnet }) => ({ subnet: parseSubnet(subnet), by: `network ${name}` })),
  );
  const names = new Map(networks.map(({ id, name }) => [shortId(id), name]));
  const documented = Object.entries(used).flatMap(([id, subnets]) => {
    const by = nameIn(names, id);
    return subnets.map((subnet) => ({ subnet: parseSubnet(subnet), by }));
  });
  return [...documented, ...known];
}

/** One that an Engine has begun to create has no name yet. */
function nameIn(names: ReadonlyMap<string, string>, id: string): string {
  const name = names.get(id);
  return name === undefined ? `a network that is just being created (${id})` : `network ${name}`;
}
