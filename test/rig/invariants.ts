import type { z } from 'zod';
import type { Entry, Store } from '../../kvstore/store.ts';
import {
  addressSchema,
  type Endpoint,
  endpointSchema,
  type Network,
  networkSchema,
  nodeSchema,
  type Service,
  serviceSchema,
  subnetsSchema,
} from '../../src/cluster/records.ts';
import { overlaps, parseSubnet, withoutPrefix } from '../../src/lib/addresses.ts';

/** Everything that daemons wrote into a store, decoded. A record that does not decode fails the test. */
export async function readRecords(store: Store) {
  const all = async <T>(folder: string, schema: z.ZodType<T>): Promise<Map<string, T>> => {
    const entries = await store.list(folder);
    const parse = ({ key, value }: Entry) =>
      [key.slice(folder.length), schema.parse(JSON.parse(value))] as const;
    return new Map(entries.map(parse));
  };
  const ids = async (folder: string) => {
    const entries = await store.list(folder);
    return new Map(entries.map(({ key, value }) => [key.slice(folder.length), String(JSON.parse(value))]));
  };
  const subnets = await store.get('subnets');
  return {
    networks: await all('networks/', networkSchema),
    services: await all('services/', serviceSchema),
    endpoints: await all('endpoints/', endpointSchema),
    nodes: await all('nodes/', nodeSchema),
    addresses: await all('addresses/', addressSchema),
    names: await ids('network-names/'),
    vnis: await ids('vnis/'),
    cursors: await ids('cursors/'),
    subnets: subnets ? subnetsSchema.parse(JSON.parse(subnets.value)) : {},
  };
}

export type Records = Awaited<ReturnType<typeof readRecords>>;

/** What must hold in a store at rest; each violation in words. `checked` counts what was looked at. */
export function violationsIn(records: Records): {
  readonly checked: number;
  readonly violations: readonly string[];
} {
  const violations: string[] = [];
  let checked = 0;
  const must = (holds: boolean, what: string) => {
    checked += 1;
    if (!holds) violations.push(what);
  };
  checkNetworks(records, must);
  checkPools(records, must);
  checkEndpoints(records, must);
  checkAddresses(records, must);
  return { checked, violations };
}

type Must = (holds: boolean, what: string) => void;

function checkNetworks({ networks, names, vnis, cursors, services }: Records, must: Must): void {
  for (const network of networks.values()) {
    must(names.get(network.name) === network.id, `network ${network.name} does not hold its name`);
    must(network.vni !== undefined, `network ${network.name} has no VNI`);
    must(
      vnis.get(String(network.vni)) === network.id,
      `network ${network.name} does not hold VNI ${network.vni}`,
    );
  }
  for (const [name, id] of names) must(networks.has(id), `the name ${name} is held by no network`);
  for (const [vni, id] of vnis) must(networks.has(id), `VNI ${vni} is held by no network`);
  for (const key of cursors.keys()) must(networks.has(firstPart(key)), `cursor ${key} is of no network`);
  for (const { name, networkId } of services.values())
    must(networks.has(networkId), `service ${name} is on no network`);
}

function checkPools({ networks, subnets }: Records, must: Must): void {
  const poolsOf = ({ ipam }: Network) => ipam.pools.map(({ subnet }) => subnet);
  for (const network of networks.values()) {
    const listed = subnets[network.id.slice(0, 12)];
    must(
      String(listed) === String(poolsOf(network)),
      `the subnets of ${network.name} are listed as ${listed}`,
    );
  }
  const known = new Set([...networks.keys()].map((id) => id.slice(0, 12)));
  for (const id of Object.keys(subnets)) must(known.has(id), `subnets are listed for no network: ${id}`);
  const pools = [...networks.values()].flatMap((network) =>
    poolsOf(network).map((pool) => ({ network, pool })),
  );
  pools.forEach((one, i) => {
    const other = pools.slice(0, i).find(({ pool }) => overlaps(parseSubnet(pool), parseSubnet(one.pool)));
    must(!other, `${one.pool} of ${one.network.name} overlaps ${other?.pool} of ${other?.network.name}`);
  });
}

function checkEndpoints({ endpoints, networks, nodes, services, addresses }: Records, must: Must): void {
  const byId = new Map([...services.values()].map((service) => [service.id, service]));
  const owners = new Map<string, Endpoint>();
  for (const endpoint of endpoints.values()) {
    const { name, networkId, nodeId, serviceId } = endpoint;
    must(networks.has(networkId), `endpoint ${name} is on no network`);
    must(nodes.has(nodeId), `endpoint ${name} is of no living node`);
    const service = serviceId === undefined ? undefined : byId.get(serviceId);
    must(serviceId === undefined || service !== undefined, `endpoint ${name} backs no service`);
    for (const address of addressesOf(endpoint)) {
      const key = `${networkId}/${address}`;
      const other = owners.get(key);
      must(!other, `${address} is of ${name} and of ${other?.name}`);
      owners.set(key, endpoint);
      must(addresses.get(key)?.id === holderOf(endpoint, service), `${address} of ${name} is not its own`);
    }
  }
}

/** Every address has an owner; that of a node which is dead may be held for it. */
function checkAddresses({ addresses, endpoints, services, nodes }: Records, must: Must): void {
  const endpointIds = new Set([...endpoints.values()].map(({ id }) => id));
  const byId = new Map([...services.values()].map((service) => [service.id, service]));
  for (const [key, { owner, id, nodeId }] of addresses) {
    const isHeld = nodeId !== undefined && !nodes.has(nodeId);
    const has = owner === 'service' ? byId.has(id) : endpointIds.has(id) || isHeld;
    must(has, `address ${key} is of ${owner} ${id.slice(0, 12)}, which is not there`);
  }
  for (const service of services.values()) {
    for (const address of addressesOf(service)) {
      const holder = addresses.get(`${service.networkId}/${address}`)?.id;
      must(holder === service.id, `${address} of service ${service.name} is held by ${holder}`);
    }
  }
}

/** An exclusive service brings its address; every other endpoint has its own. */
function holderOf(endpoint: Endpoint, service: Service | undefined): string {
  return service && !service.shared ? service.id : endpoint.id;
}

function addressesOf({ ipv4, ipv6 }: Pick<Endpoint, 'ipv4' | 'ipv6'>): readonly string[] {
  return [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [withoutPrefix(cidr)]));
}

function firstPart(key: string): string {
  return key.split('/')[0] ?? '';
}
