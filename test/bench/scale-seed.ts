import type { Lease, Store, Write } from '../../kvstore/store.ts';
import { keys } from '../../src/cluster/keys.ts';
import type { Endpoint, Network, NodeRecord, Service } from '../../src/cluster/records.ts';
import { ensureSchema } from '../../src/cluster/schema.ts';
import { withoutPrefix } from '../../src/lib/addresses.ts';
import { newId, shortId } from '../../src/lib/ids.ts';
import { timestamp } from '../../src/lib/time.ts';

/** What a store of this size holds. Every service has a provider. */
export interface Size {
  readonly networks: number;
  readonly servicesPerNetwork: number;
  readonly nodes: number;
}

/** What it was filled with, to be filled with more of. */
export interface Seeded {
  readonly networks: readonly Network[];
  readonly nodes: readonly NodeRecord[];
  readonly lease: Lease;
}

/** Puts and their checks per commit, as the store's contract allows. */
const perCommit = 30;
const commitsAtOnce = 16;

/**
 * Writes the records that so many nodes would have written, in seconds instead of hours. They are as the daemons
 * write them, and hang on one lease of the caller's.
 */
export async function seed(store: Store, size: Size): Promise<Seeded> {
  await ensureSchema(store);
  const lease = await store.lease(60);
  const networks = Array.from({ length: size.networks }, (_, n) => makeNetwork(n));
  const nodes = Array.from({ length: size.nodes }, (_, n) => makeNode(n));
  const subnets = networks.map(({ id, ipam }) => [shortId(id), ipam.pools.map(({ subnet }) => subnet)]);
  await commitAll(store, [
    put(keys.subnets, Object.fromEntries(subnets)),
    ...networks.flatMap((network) => networkWrites(network)),
    ...nodes.map((node) => put(keys.node(node.id), node, lease)),
  ]);
  const seeded = { networks, nodes, lease };
  await addServices(store, seeded, size.servicesPerNetwork);
  return seeded;
}

/** From 0 on each network, with their providers. */
async function addServices(store: Store, { networks, nodes, lease }: Seeded, count: number): Promise<void> {
  const writes = networks.flatMap((network) =>
    numbers(0, count).flatMap((n) => {
      const service = makeService(network, n);
      const owner = { owner: 'service', id: service.id };
      return [
        put(keys.service(network.id, service.name), service),
        ...endpointWrites(makeEndpoint(network, n, nodeOf(nodes, n), service), owner, lease),
      ];
    }),
  );
  await commitAll(store, writes);
}

/** Containers' own places on each network, from the n-th address on. */
export async function addEndpoints(
  store: Store,
  { networks, nodes, lease }: Seeded,
  range: { readonly from: number; readonly to: number },
): Promise<void> {
  const writes = networks.flatMap((network) =>
    numbers(range.from, range.to).flatMap((n) => {
      const endpoint = makeEndpoint(network, n, nodeOf(nodes, n));
      return endpointWrites(endpoint, { owner: 'endpoint', id: endpoint.id }, lease);
    }),
  );
  await commitAll(store, writes);
}

function numbers(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function nodeOf(nodes: readonly NodeRecord[], n: number): string {
  return nodes[n % nodes.length]?.id ?? newId();
}

async function commitAll(store: Store, writes: readonly Write[]): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < writes.length) {
      const part = writes.slice(next, next + perCommit);
      next += perCommit;
      const result = await store.commit([], part);
      if (!result.ok) throw new Error(`seeding: ${result.failed}`);
    }
  };
  await Promise.all(Array.from({ length: commitsAtOnce }, work));
}

/** `net0`, 10.1.0.0/20 and so on: large enough for all endpoints of one. */
function makeNetwork(n: number): Network {
  const base = `10.${1 + Math.floor(n / 16)}.${(n % 16) * 16}`;
  return {
    id: newId(),
    name: `net${n}`,
    driver: 'overlay',
    scope: 'global',
    created: timestamp(Date.now()),
    internal: false,
    attachable: false,
    ipv6: false,
    ipam: {
      driver: 'default',
      options: {},
      pools: [{ subnet: `${base}.0/20`, gateway: `${base}.1`, auxAddresses: {} }],
    },
    options: {},
    labels: {},
    vni: 8_388_608 + n,
  };
}

function makeNode(n: number): NodeRecord {
  const advertise = `192.0.${2 + Math.floor(n / 250)}.${1 + (n % 250)}`;
  return { id: newId(), name: `node${n}`, advertise, version: '0.1.0', started: timestamp(Date.now()) };
}

function networkWrites(network: Network): readonly Write[] {
  return [
    put(keys.network(network.id), network),
    put(keys.networkName(network.name), network.id),
    ...(network.vni === undefined ? [] : [put(keys.vni(network.vni), network.id)]),
  ];
}

function endpointWrites(endpoint: Endpoint, owner: object, lease: Lease): readonly Write[] {
  const { id, networkId, ipv4 = '' } = endpoint;
  return [
    put(keys.address(networkId, withoutPrefix(ipv4)), owner),
    put(keys.endpoint(networkId, id), endpoint, lease),
  ];
}

/** The n-th of a seeded network. */
function addressOf({ ipam }: Network, n: number): string {
  const [a, b, c = 0] = (ipam.pools[0]?.subnet ?? '').split(/[./]/).map(Number);
  return `${a}.${b}.${c + Math.floor((n + 10) / 250)}.${(n + 10) % 250}`;
}

function makeService(network: Network, n: number): Service {
  return {
    id: newId(),
    networkId: network.id,
    name: `service-${n}`,
    created: timestamp(Date.now()),
    shared: false,
    endpointId: newId(),
    ipv4: `${addressOf(network, n)}/20`,
    mac: macOf(addressOf(network, n)),
    aliases: [],
    ports: [],
  };
}

function makeEndpoint(network: Network, n: number, nodeId: string, service?: Service): Endpoint {
  const address = addressOf(network, n);
  const containerName = `container-${n}`;
  return {
    id: service?.endpointId ?? newId(),
    networkId: network.id,
    nodeId,
    containerId: newId(),
    containerName,
    name: service?.name ?? containerName,
    ...(service && { serviceId: service.id }),
    created: timestamp(Date.now()),
    ipv4: `${address}/20`,
    mac: macOf(address),
    aliases: [],
    ports: [],
    healthy: true,
  };
}

function macOf(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  return ['02', '42', ...octets].join(':');
}

function put(key: string, value: unknown, lease?: Lease): Write & { readonly op: 'put' } {
  return { op: 'put', key, value: JSON.stringify(value), ...(lease && { lease }) };
}
