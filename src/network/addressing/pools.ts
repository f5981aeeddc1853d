import { randomBytes } from 'node:crypto';
import type { Pool } from '../../cluster/records.ts';
import {
  contains,
  containsSubnet,
  type Family,
  fromNumber,
  isReservedIn,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
} from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { PoolSpec } from '../model.ts';

/** Blocks that a pool is cut from when a network names none. */
export interface DefaultPool {
  /** CIDR of the whole block. */
  readonly base: string;
  /** Prefix length of each network's subnet. */
  readonly size: number;
}

/** The Engine's defaults for local networks (docker-facts 5.1), and /24s of 10/8 for global ones. */
export const defaultPools = {
  local: [
    ...Array.from({ length: 15 }, (_, i) => ({ base: `172.${17 + i}.0.0/16`, size: 16 })),
    { base: '192.168.0.0/16', size: 20 },
  ],
  global: [{ base: '10.0.0.0/8', size: 24 }],
  /** Swarm takes its own from 10.0.0.0 up, without a look at ours. */
  besideEngine: [
    { base: '10.128.0.0/9', size: 24 },
    { base: '10.0.0.0/9', size: 24 },
  ],
} as const satisfies Record<string, readonly DefaultPool[]>;

/** Something that lies on addresses already. */
export interface Taken {
  readonly subnet: Subnet;
  /** `network foo`, `a route of this host`. */
  readonly by: string;
}

/** Decides the pools of a network that named its own. @throws invalid | forbidden (overlap) */
export function planGivenPools(config: readonly PoolSpec[], taken: readonly Taken[]): readonly Pool[] {
  const pools = config.map(parsePool);
  const subnets = pools.map((pool) => parseSubnet(pool.subnet));
  subnets.forEach((subnet, i) => {
    const own = subnets.slice(0, i).map((other) => ({ subnet: other, by: 'another subnet of this network' }));
    const hit = [...own, ...taken].find((other) => overlaps(other.subnet, subnet));
    if (!hit) return;
    throw new FairleadError(
      'forbidden',
      `Pool overlaps with other one on this address space: ${subnet.text} overlaps ${hit.subnet.text} of ${hit.by}`,
    );
  });
  return pools;
}

/** Picks the first default pool that is free. @throws exhausted, saying what each collides with */
export function planDefaultPool(defaults: readonly DefaultPool[], taken: readonly Taken[]): Pool {
  const collisions: string[] = [];
  for (const candidate of candidates(defaults)) {
    const hit = taken.find((other) => overlaps(other.subnet, candidate));
    if (!hit) return poolOf(candidate);
    collisions.push(`${candidate.text} (${hit.by})`);
  }
  const shown = collisions.slice(0, 40).join(', ');
  const more = collisions.length > 40 ? `, and ${collisions.length - 40} more` : '';
  throw new FairleadError(
    'exhausted',
    'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the ' +
      `network; tried ${shown}${more}; name one with --subnet`,
  );
}

/** A unique local /64 of 40 random bits (RFC 4193 section 3.2.1), as Engine 27 and later choose one. */
export function planUniqueLocalPool(): Pool {
  const globalId = randomBytes(5).toString('hex');
  const [a, b, c] = [globalId.slice(0, 2), globalId.slice(2, 6), globalId.slice(6)];
  return poolOf(parseSubnet(`fd${a}:${b}:${c}::/64`));
}

function* candidates(defaults: readonly DefaultPool[]): IterableIterator<Subnet> {
  for (const { base, size } of defaults) {
    const block = parseSubnet(base);
    const step = 1n << BigInt((block.family === 4 ? 32 : 128) - size);
    for (let first = block.first; first <= block.last; first += step) {
      yield parseSubnet(`${fromNumber(first, block.family)}/${size}`);
    }
  }
}

function poolOf(subnet: Subnet): Pool {
  return { subnet: subnet.text, gateway: firstHost(subnet), auxAddresses: {} };
}

function parsePool(spec: PoolSpec): Pool {
  if (!spec.subnet) {
    throw new FairleadError(
      'invalid',
      'Invalid subnet  : every ip-range or gateway must have a corresponding subnet',
    );
  }
  const subnet = parseSubnet(spec.subnet);
  refuseSpecial(subnet);
  if (subnet.prefixLength > longestPrefix(subnet.family)) {
    throw new FairleadError(
      'invalid',
      `subnet ${subnet.text} is too small: no address would be left for containers`,
    );
  }
  const gateway = spec.gateway ? parseGateway(spec.gateway, subnet) : firstHost(subnet);
  return {
    subnet: subnet.text,
    ...(spec.ipRange ? { ipRange: parseRange(spec.ipRange, subnet) } : {}),
    gateway,
    auxAddresses: parseAux(spec.auxAddresses ?? {}, subnet, gateway),
  };
}

/** Blocks whose addresses no interface can have (RFC 6890, RFC 4291 section 2.5.5.2). */
const special = [
  ['127.0.0.0/8', 'loopback'],
  ['::1/128', 'loopback'],
  ['224.0.0.0/4', 'multicast'],
  ['ff00::/8', 'multicast'],
  ['::ffff:0:0/96', 'IPv4-mapped'],
] as const;

/** One that begins in such a block has its gateway there; a larger one that holds it overlaps what is routed anyway. */
function refuseSpecial(subnet: Subnet): void {
  const gateway = firstHost(subnet);
  const hit = special.find(([block]) => contains(parseSubnet(block), gateway));
  if (hit) throw new FairleadError('invalid', `${hit[1]} subnet '${subnet.text}' is not allowed`);
}

/** Network, gateway and one container at least. */
function longestPrefix(family: Family): number {
  return family === 4 ? 30 : 126;
}

function firstHost(subnet: Subnet): string {
  return fromNumber(subnet.first + 1n, subnet.family);
}

function parseGateway(text: string, subnet: Subnet): string {
  const gateway = parseAddress(text, 'gateway address');
  if (!contains(subnet, gateway)) {
    throw new FairleadError('invalid', `gateway ${gateway} is not in subnet ${subnet.text}`);
  }
  if (isReservedIn(subnet, gateway)) {
    throw new FairleadError(
      'invalid',
      `gateway ${gateway} is the network or broadcast address of ${subnet.text}`,
    );
  }
  return gateway;
}

function parseRange(text: string, subnet: Subnet): string {
  const range = parseSubnet(text);
  if (!containsSubnet(subnet, range)) {
    throw new FairleadError('invalid', `ip-range ${range.text} is not within subnet ${subnet.text}`);
  }
  return range.text;
}

function parseAux(
  given: Readonly<Record<string, string>>,
  subnet: Subnet,
  gateway: string,
): Record<string, string> {
  const seen = new Set([gateway]);
  const parsed: Record<string, string> = {};
  for (const [name, text] of Object.entries(given)) {
    const address = parseAddress(text, `auxiliary address (${name})`);
    if (!contains(subnet, address)) {
      throw new FairleadError(
        'forbidden',
        `auxiliary address: (${name}:${address}) must belong to the master pool: ${subnet.text}`,
      );
    }
    if (seen.has(address)) {
      throw new FairleadError('invalid', `auxiliary address (${name}:${address}): Address already in use`);
    }
    seen.add(address);
    parsed[name] = address;
  }
  return parsed;
}
