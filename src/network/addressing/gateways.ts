import {
  contains,
  type Family,
  fromNumber,
  isReservedIn,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
  withPrefix,
} from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';

/** Blocks whose addresses no interface can have (RFC 6890, RFC 4291 section 2.5.5.2). */
const special = [
  ['127.0.0.0/8', 'loopback'],
  ['::1/128', 'loopback'],
  ['224.0.0.0/4', 'multicast'],
  ['ff00::/8', 'multicast'],
  ['::ffff:0:0/96', 'IPv4-mapped'],
] as const;

/** Links of IPv6 have this one whatever else they have; a part of it would give an interface two. */
const linkLocal = parseSubnet('fe80::/64');

/**
 * A larger subnet that holds such a block overlaps what is routed anyway.
 * @throws invalid, in the Engine's words where it has some
 */
export function refuseSpecial(subnet: Subnet, gateway: string): void {
  if (subnet.prefixLength === 0) throw emptyPool(subnet.family);
  const shown = withPrefix(gateway, subnet);
  const hit = special.find(([block]) => contains(parseSubnet(block), gateway));
  if (hit) throw new FairleadError('invalid', `${hit[1]} subnet '${shown}' is not allowed`);
  if (overlaps(linkLocal, subnet) && subnet.text !== linkLocal.text) {
    throw new FairleadError('invalid', `'${shown}' clashes with the Link-Local prefix '${linkLocal.text}'`);
  }
}

/** The Engine's words for the pool of all addresses. */
export function emptyPool(family: Family): FairleadError {
  return new FairleadError('invalid', `ipv${family} pool is empty`);
}

/** Of the range, as the Engine's address manager takes it before any container's. @throws invalid where there is none */
export function firstHost(subnet: Subnet, range = subnet): string {
  const candidates = [range.first, range.first + 1n].filter((value) => value <= range.last);
  const found = candidates
    .map((value) => fromNumber(value, subnet.family))
    .find((address) => !isReservedIn(subnet, address));
  if (found === undefined) {
    throw new FairleadError('invalid', 'failed to allocate gateway (): no available addresses on this pool');
  }
  return found;
}

/** @throws invalid where it lies outside, or no interface can have it */
export function parseGateway(text: string, subnet: Subnet): string {
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
