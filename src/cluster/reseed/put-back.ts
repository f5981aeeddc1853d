import type { Check, Store, Write } from '../../../kvstore/store.ts';
import { overlaps, parseSubnet, withoutPrefix } from '../../lib/addresses.ts';
import { shortId } from '../../lib/ids.ts';
import type { Logger } from '../../lib/log.ts';
import { decodeOrThrow } from '../decode.ts';
import { keys } from '../keys.ts';
import { type Network, type Service, type Subnets, subnetsSchema } from '../records.ts';

/** Records of a network or service whose place in the store another one has taken. */
export interface Lost {
  readonly key: string;
}

/** Puts a network that the store has lost, with all that it takes up. @returns what could not be put */
export async function putBackNetwork(
  store: Store,
  { removing: _, ...network }: Network,
  log: Logger,
): Promise<readonly Lost[]> {
  const subnets = await store.get(keys.subnets);
  const used: Subnets = subnets ? decodeOrThrow(subnetsSchema, subnets) : {};
  const pools = network.ipam.pools.map(({ subnet }) => subnet);
  const [own, name] = [keys.network(network.id), keys.networkName(network.name)];
  const vnis = network.vni === undefined ? [] : [putWrite(keys.vni(network.vni), network.id)];
  const taking = [putWrite(own, network), putWrite(name, network.id), ...vnis];
  const subnetsCheck: Check = subnets
    ? { key: keys.subnets, expect: 'version', version: subnets.version }
    : { key: keys.subnets, expect: 'absent' };
  const result = await store.commit(
    [...taking.map(ifAbsent), subnetsCheck],
    [...taking, putWrite(keys.subnets, { ...used, [shortId(network.id)]: pools })],
  );
  if (result.ok) return sayOverlaps(network, used, log);
  // Another node was faster with the document of subnets: once more.
  if (result.failed === keys.subnets) return await putBackNetwork(store, network, log);
  // With its record, or with one of a new network in its place.
  if (await store.get(own)) return [];
  log.error(`network ${network.name} is lost with the store: ${result.failed} is another's by now`);
  return [{ key: own }];
}

/** A network that was made on the empty store, where nobody knew ours. Both have containers: people decide. */
function sayOverlaps({ id, name, ipam }: Network, used: Subnets, log: Logger): readonly Lost[] {
  const others = Object.entries(used).flatMap(([other, subnets]) => (other === shortId(id) ? [] : subnets));
  const pools = ipam.pools.map(({ subnet }) => parseSubnet(subnet));
  const hit = others.find((other) => pools.some((pool) => overlaps(pool, parseSubnet(other))));
  if (hit) log.error(`network ${name} is put back, but ${hit} was given to another meanwhile`);
  return [];
}

/** The same for a service. */
export async function putBackService(store: Store, service: Service, log: Logger): Promise<readonly Lost[]> {
  const owner = { owner: 'service', id: service.id };
  const addresses = [service.ipv4, service.ipv6].flatMap((cidr) =>
    cidr === undefined ? [] : [putWrite(keys.address(service.networkId, withoutPrefix(cidr)), owner)],
  );
  const own = keys.service(service.networkId, service.name);
  const taking = [putWrite(own, service), ...addresses];
  const result = await store.commit(taking.map(ifAbsent), taking);
  if (result.ok || (await store.get(own))) return [];
  log.error(`service ${service.name} is lost with the store: ${result.failed} is another's by now`);
  return [{ key: own }];
}

export function putWrite(key: string, value: unknown): Write & { readonly op: 'put' } {
  return { op: 'put', key, value: JSON.stringify(value) };
}

function ifAbsent({ key }: Write): Check {
  return { key, expect: 'absent' };
}
