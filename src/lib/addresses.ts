import { Address4, Address6 } from 'ip-address';
import { FairleadError } from './errors.ts';

export type Family = 4 | 6;

/** A block of addresses, its host bits cleared. Parsed once; `text` is its canonical CIDR form. */
export interface Subnet {
  readonly text: string;
  readonly family: Family;
  readonly prefixLength: number;
  /** The network address, as a number. */
  readonly first: bigint;
  /** The last address (IPv4: broadcast), as a number. */
  readonly last: bigint;
}

/**
 * Parses `a.b.c.d/n` or `x::/n`; host bits are cleared.
 * @throws invalid when it is not CIDR
 */
export function parseSubnet(text: string): Subnet {
  const subnet = parsed.get(text) ?? tryParseSubnet(text);
  if (!subnet)
    throw new FairleadError('invalid', `invalid subnet ${text}: expected CIDR such as 10.1.0.0/24`);
  if (parsed.size >= mostParsed) parsed.clear();
  parsed.set(text, subnet);
  return subnet;
}

/** Every network's creation looks at the subnets of all others, and parsing one takes 10 µs. */
const parsed = new Map<string, Subnet>();
const mostParsed = 10_000;

function tryParseSubnet(text: string): Subnet | undefined {
  if (!/\/\d{1,3}$/.test(text)) return undefined;
  const address = parseEither(text);
  if (!address) return undefined;
  const first = address.startAddress();
  const prefixLength = address.subnetMask;
  return {
    text: `${first.correctForm()}/${prefixLength}`,
    family: address instanceof Address4 ? 4 : 6,
    prefixLength,
    first: first.bigInt(),
    last: address.endAddress().bigInt(),
  };
}

/**
 * Parses one address without a prefix length and returns its canonical text (RFC 5952 for IPv6).
 * @throws invalid, naming `what` it was for
 */
export function parseAddress(text: string, what = 'IP address'): string {
  const address = text.includes('/') ? undefined : parseEither(text);
  if (!address) throw new FairleadError('invalid', `invalid ${what} ${text}`);
  return address.correctForm();
}

export function isAddress(text: string): boolean {
  return !text.includes('/') && parseEither(text) !== undefined;
}

export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

export function contains(subnet: Subnet, address: string): boolean {
  if (familyOf(address) !== subnet.family) return false;
  const value = toNumber(address);
  return value >= subnet.first && value <= subnet.last;
}

export function containsSubnet(outer: Subnet, inner: Subnet): boolean {
  return outer.family === inner.family && inner.first >= outer.first && inner.last <= outer.last;
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** An address as a number, for arithmetic within one family. */
export function toNumber(address: string): bigint {
  return familyOf(address) === 4 ? new Address4(address).bigInt() : new Address6(address).bigInt();
}

export function fromNumber(value: bigint, family: Family): string {
  return (family === 4 ? Address4.fromBigInt(value) : Address6.fromBigInt(value)).correctForm();
}

/**
 * The subnet's network and (IPv4) broadcast address, or (IPv6) its routers' anycast address, which no container may have
 * (RFC 4291 section 2.6.1). An IPv4 subnet of two addresses, or of one, has neither (RFC 3021).
 */
export function isReservedIn({ family, prefixLength, first, last }: Subnet, address: string): boolean {
  const value = toNumber(address);
  if (family === 6) return value === first;
  return prefixLength < 31 && (value === first || value === last);
}

/** `10.0.0.5` in `10.0.0.0/24` is `10.0.0.5/24`, as interfaces and records write it. */
export function withPrefix(address: string, subnet: Subnet): string {
  return `${address}/${subnet.prefixLength}`;
}

export function withoutPrefix(cidr: string): string {
  const slash = cidr.indexOf('/');
  return slash < 0 ? cidr : cidr.slice(0, slash);
}

/** 02:42 and the IPv4 address in hex, as Docker; the last four bytes of an IPv6 address otherwise. */
export function macFor(address: string): string {
  const value = toNumber(address) & 0xffff_ffffn;
  const hex = value.toString(16).padStart(8, '0');
  return `02:42:${hex.match(/../g)?.join(':')}`;
}

/**
 * Parses what Go's net.ParseMAC takes for 48 bits: `02:42:0a:46:00:65`, `02-42-0A-46-00-65`, `0242.0a46.0065`, `02420a460065`.
 * Returns it with colons and small letters.
 * @throws invalid when it is none, or no interface's own: all zero, or with the multicast bit (IEEE 802)
 */
export function parseMac(text: string): string {
  const digits = macForms.test(text) ? text.replaceAll(/[:.-]/g, '').toLowerCase() : '';
  const bytes = digits.match(/../g) ?? [];
  const isOwn = Number.parseInt(digits, 16) !== 0 && (Number.parseInt(bytes[0] ?? '', 16) & 1) === 0;
  if (bytes.length === 6 && isOwn) return bytes.join(':');
  const why = bytes.length === 6 ? ': no interface can have it' : '';
  throw new FairleadError('invalid', `invalid MAC address ${text}${why}`);
}

export function isMac(text: string): boolean {
  return macForms.test(text);
}

const macForms =
  /^([0-9a-f]{2}([:-])[0-9a-f]{2}(\2[0-9a-f]{2}){4}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}|[0-9a-f]{12})$/i;

const linkLocal = parseSubnet('fe80::/10');

/** Of IPv6 (RFC 4291 section 2.5.6): it means nothing without an interface. */
export function isLinkLocal(address: string): boolean {
  return contains(linkLocal, address);
}

/** The address that the kernel makes of a MAC on each link (RFC 4291 appendix A). */
export function linkLocalFor(mac: string): string {
  const [a = 0, b = 0, c = 0, ...rest] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const id = [a ^ 2, b, c, 0xff, 0xfe, ...rest];
  return fromNumber(
    id.reduce((sum, byte) => sum * 256n + BigInt(byte), 0xfe80n << 48n),
    6,
  );
}

/** `4.3.2.1.in-addr.arpa` or the nibble form of ip6.arpa (RFC 1035 3.5, RFC 3596 2.5), no final dot. */
export function reverseName(address: string): string {
  const reversed =
    familyOf(address) === 4 ? new Address4(address).reverseForm() : new Address6(address).reverseForm();
  return reversed.replace(/\.$/, '');
}

function parseEither(text: string): Address4 | Address6 | undefined {
  try {
    return text.includes(':') ? new Address6(text) : new Address4(text);
  } catch {
    return undefined;
  }
}
