import { randomBytes } from 'node:crypto';
import type { Pool } from '../../cluster/records.ts';
import {
  contains,
  containsSubnet,
  fromNumber,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
  withoutPrefix,
} from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { PoolSpec } from '../model.ts';
import { firstHost, parseGateway, refuseSpecial } from './gateways.ts';

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

/** What a network's pools are chosen beside. */
export interface PoolSource {
  readonly defaults: readonly DefaultPool[];
  /** By networks: no other may have any of it. */
  readonly taken: readonly Taken[];
  /** By routes of the host and Engines' own networks: nothing is chosen there, and who names such a subnet has it. */
  readonly others: readonly Taken[];
}

/**
 * Decides the pools of a network that named some. `0.0.0.0/24` and `::/64` name a size only: such a subnet is chosen, as
 * from Engine 29 on.
 * @throws invalid | forbidden (overlap) | exhausted
 */
export function planPools(
  config: readonly PoolSpec[],
  { defaults, taken, others }: PoolSource,
): readonly Pool[] {
  const named = config.flatMap(({ subnet }) => (subnet && !isSizeOnly(subnet) ? [ownSubnet(subnet)] : []));
  const avoided = [...taken, ...others, ...named];
  const chosen = config.map((spec) => {
    if (!spec.subnet || !isSizeOnly(spec.subnet)) return spec;
    const { subnet } = planPoolOfSize(parseSubnet(spec.subnet), spec, defaults, avoided);
    avoided.push(ownSubnet(subnet));
    return { subnet };
  });
  return planGivenPools(chosen, taken);
}

function ownSubnet(subnet: string): Taken {
  return { subnet: parseSubnet(subnet), by: 'another subnet of this network' };
}

/** Of `0.0.0.0/0` there is no subnet: it is taken as it is, and overlaps with all. */
function isSizeOnly(subnet: string): boolean {
  const { prefixLength } = parseSubnet(subnet);
  return prefixLength > 0 && ['0.0.0.0', '::'].includes(parseAddress(withoutPrefix(subnet)));
}

function planPoolOfSize(
  { family, prefixLength, text }: Subnet,
  { ipRange, gateway, auxAddresses = {} }: PoolSpec,
  defaults: readonly DefaultPool[],
  taken: readonly Taken[],
): Pool {
  if (ipRange || gateway || Object.keys(auxAddresses).length > 0) {
    throw new FairleadError(
      'invalid',
      `subnet ${text} asks for any subnet of that size: with an ip-range, gateway or auxiliary address, name the subnet`,
    );
  }
  const large = defaults.filter(({ base }) => {
    const block = parseSubnet(base);
    return block.family === family && block.prefixLength <= prefixLength;
  });
  if (large.length > 0) {
    const sized = large.map(({ base }) => ({ base, size: prefixLength }));
    return planDefaultPool(sized, taken);
  }
  if (family === 6 && prefixLength >= 48) return planUniqueLocalPool(prefixLength);
  throw new FairleadError(
    'invalid',
    `no default address pool is large enough for a /${prefixLength}: name the subnet`,
  );
}

/** Decides the pools of a network that named its own. @throws invalid | forbidden (overlap) */
export function planGivenPools(config: readonly PoolSpec[], taken: readonly Taken[]): readonly Pool[] {
  const pools = config.map(parsePool);
  const subnets = pools.map((pool) => parseSubnet(pool.subnet));
  subnets.forEach((subnet, i) => {
    const own = subnets.slice(0, i).map(({ text }) => ownSubnet(text));
    const hit = [...own, ...taken].find((other) => overlaps(other.subnet, subnet));
    if (!hit) return;
    throw new FairleadError(
      'forbidden',
      `Pool overlaps with other one on this address space: ${subnet.text} overlaps ${hit.subnet.text} of ${hit.by}`,
    );
  });
  for (const pool of pools) refuseSpecial(parseSubnet(pool.subnet), pool.gateway);
  return pools;
}

/** Picks the first default pool that is free. @throws exhausted, saying what each collides with */
export function planDefaultPool(defaults: readonly DefaultPool[], taken: readonly Taken[]): Pool {
  const collisions: string[] = [];
  for (const { base, size } of defaults) {
    const block = parseSubnet(base);
    const length = 1n << BigInt((block.family === 4 ? 32 : 128) - size);
    let first = block.first;
    while (first <= block.last) {
      const candidate = parseSubnet(`${fromNumber(first, block.family)}/${size}`);
      const hit = taken.find((other) => overlaps(other.subnet, candidate));
      if (!hit) return poolOf(candidate);
      collisions.push(`${candidate.text} (${hit.by})`);
      // What has the candidate may have many that follow.
      const past = (hit.subnet.last / length + 1n) * length;
      first = past > first + length ? past : first + length;
    }
  }
  const shown = collisions.slice(0, 40).join(', ');
  const more = collisions.length > 40 ? `, and ${collisions.length - 40} more` : '';
  throw new FairleadError(
    'exhausted',
    'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the ' +
      `network; tried ${shown}${more}; name one with --subnet`,
  );
}

/** A unique local subnet of 40 random bits (RFC 4193 section 3.2.1), as Engine 27 and later choose one. */
export function planUniqueLocalPool(prefixLength = 64): Pool {
  const globalId = randomBytes(5).toString('hex');
  const [a, b, c] = [globalId.slice(0, 2), globalId.slice(2, 6), globalId.slice(6)];
  return poolOf(parseSubnet(`fd${a}:${b}:${c}::/${prefixLength}`));
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
  const ipRange = spec.ipRange ? parseRange(spec.ipRange, subnet) : undefined;
  const gateway = spec.gateway ? parseGateway(spec.gateway, subnet) : firstHost(subnet, ipRange);
  return {
    subnet: subnet.text,
    ...(ipRange ? { ipRange: ipRange.text } : {}),
    gateway,
    auxAddresses: parseAux(spec.auxAddresses ?? {}, subnet, gateway),
  };
}

function parseRange(text: string, subnet: Subnet): Subnet {
  const range = parseSubnet(text);
  if (!containsSubnet(subnet, range)) {
    throw new FairleadError('invalid', `ip-range ${range.text} is not within subnet ${subnet.text}`);
  }
  return range;
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
