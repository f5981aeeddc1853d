import { type Family, fromNumber } from '../../lib/addresses.ts';
import type { Labels } from '../wire/labels.ts';

/** The addresses that a name in in-addr.arpa or ip6.arpa stands for. */
export interface ReverseRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
  /** Present when the name is exactly one address's. */
  readonly address: string | undefined;
  /** The name has labels that are no part of an address, or too many. */
  readonly beyond: boolean;
}

const trees = [
  { suffix: ['in-addr', 'arpa'], family: 4, bits: 32, step: 8, part: /^(0|[1-9]\d{0,2})$/, radix: 10 },
  { suffix: ['ip6', 'arpa'], family: 6, bits: 128, step: 4, part: /^[0-9a-f]$/, radix: 16 },
] as const;

/** RFC 1035 section 3.5, RFC 3596 section 2.5. Undefined when the (folded) name is in neither tree. */
export function parseReverse(labels: Labels): ReverseRange | undefined {
  const tree = trees.find(({ suffix }) => labels.at(-1) === suffix[1] && labels.at(-2) === suffix[0]);
  if (!tree) return undefined;
  const { family, bits, step, part, radix } = tree;
  const parts = labels.slice(0, -2).reverse();
  let value = 0n;
  let used = 0;
  while (used < bits / step && used < parts.length) {
    const text = parts[used] ?? '';
    const number = part.test(text) ? Number.parseInt(text, radix) : Number.POSITIVE_INFINITY;
    if (number >= 2 ** step) break;
    value = (value << BigInt(step)) | BigInt(number);
    used++;
  }
  const free = BigInt(bits - used * step);
  const first = value << free;
  const beyond = used < parts.length;
  const address = free === 0n && !beyond ? fromNumber(first, family) : undefined;
  return { family, first, last: first + (1n << free) - 1n, address, beyond };
}

/** How many labels the zone has that a subnet's reverse names are cut into: whole octets (or nibbles), rounded up. */
export function reverseZoneDepth(family: Family, prefixLength: number): number {
  return Math.ceil(prefixLength / (family === 4 ? 8 : 4)) + 2;
}
