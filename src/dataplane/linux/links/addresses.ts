import { familyOf, parseAddress, withoutPrefix } from '../../../lib/addresses.ts';
import { type Command, ip, type Link, tolerating } from '../ip.ts';

/** What makes the interface's addresses exactly these, unless others are spared; link-local ones that the kernel made are left alone. */
export function addressChanges(link: Link, wanted: readonly string[], sparesOthers = false): Command[] {
  const present = new Set(globalAddresses(link));
  const canonical = wanted.map(canonicalCidr);
  const surplus = sparesOthers ? [] : [...present].filter((cidr) => !canonical.includes(cidr));
  return [
    // Those of IPv6 go by themselves where it was just switched off.
    ...surplus.map((cidr) => tolerating(/ddress not found/, ip`addr del ${cidr} dev ${link.ifname}`)),
    ...canonical.filter((cidr) => !present.has(cidr)).map((cidr) => addAddress(cidr, link.ifname)),
  ];
}

/** IPv6 without duplicate address detection: the pools see to that, and the address is usable at once. */
export function addAddress(cidr: string, device: string): Command {
  return familyOf(cidr) === 6
    ? ip`addr replace ${cidr} dev ${device} nodad`
    : ip`addr replace ${cidr} dev ${device}`;
}

/** With prefix length; link-local ones left out. */
export function globalAddresses(link: Link): string[] {
  return (link.addr_info ?? [])
    .filter(({ scope }) => scope === 'global')
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

function canonicalCidr(cidr: string): string {
  return `${parseAddress(withoutPrefix(cidr))}${cidr.slice(cidr.indexOf('/'))}`;
}
