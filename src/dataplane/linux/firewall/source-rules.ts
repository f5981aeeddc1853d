import { familyOf, linkLocalFor, parseAddress, toNumber, withoutPrefix } from '../../../lib/addresses.ts';
import type { HostEnd } from '../../links.ts';
import { tableName } from '../../names.ts';

/** Elements by the name of their set. */
export type SourceSets = ReadonlyMap<string, ReadonlySet<string>>;

/** What each set holds: an interface, and what may come in by it. */
const types = {
  ends: 'type ifname',
  macs: 'type ifname . ether_addr',
  ipv4: 'type ifname . ether_addr . ipv4_addr',
  ipv6: 'type ifname . ether_addr . ipv6_addr',
  // The target of neighbour discovery, which nft has no word for before 1.0.8.
  targets: 'typeof iifname . @th,64,128',
} as const;

/** What these ends may send, as elements. */
export function sourceSets(ends: readonly HostEnd[]): SourceSets {
  const addressesIn = new Map<string, string[]>();
  for (const { sandbox, addresses } of ends) {
    const known = addressesIn.get(sandbox) ?? [];
    addressesIn.set(sandbox, [...known, ...addresses.map((address) => parseAddress(withoutPrefix(address)))]);
  }
  const sets = new Map(Object.keys(types).map((name) => [name, new Set<string>()]));
  for (const { hostName, sandbox, mac } of ends) {
    const source = `"${hostName}" . ${mac.toLowerCase()}`;
    const addresses = addressesIn.get(sandbox) ?? [];
    const of6 = addresses.filter((address) => familyOf(address) === 6);
    const all6 = of6.length === 0 ? [] : [...of6, linkLocalFor(mac)];
    sets.get('ends')?.add(`"${hostName}"`);
    sets.get('macs')?.add(source);
    for (const address of addresses.filter((one) => familyOf(one) === 4))
      sets.get('ipv4')?.add(`${source} . ${address}`);
    for (const address of all6) {
      sets.get('ipv6')?.add(`${source} . ${address}`);
      sets.get('targets')?.add(`"${hostName}" . ${asNumber(address)}`);
    }
  }
  return sets;
}

function asNumber(address: string): string {
  return `0x${toNumber(address).toString(16).padStart(32, '0')}`;
}

export function removeSources(tag: string): string {
  const table = `table bridge ${tableName(tag)}`;
  // A table has to be there to be deleted; declaring it makes sure (nft(8), "Tables").
  return `${table}\ndelete ${table}\n`;
}

/**
 * The table as text for `nft -f -`, in one transaction that replaces what was there. It is of the bridge family: what stays
 * within a bridge passes no hook of any other.
 */
export function renderSources(tag: string, sets: SourceSets): string {
  const declarations = Object.entries(types).map(([name, type]) => {
    const elements = [...(sets.get(name) ?? [])].sort();
    return `  set ${name} { ${type}; ${elements.length === 0 ? '' : `elements = { ${elements.join(', ')} }; `}}`;
  });
  return `${removeSources(tag)}table bridge ${tableName(tag)} {\n${declarations.join('\n')}\n${rules}\n}\n`;
}

/** The commands, for one transaction, that bring the table from some elements to others. */
export function sourceChanges(tag: string, before: SourceSets | undefined, after: SourceSets): string[] {
  return Object.keys(types).flatMap((name) => {
    const old = before?.get(name) ?? new Set<string>();
    const wanted = after.get(name) ?? new Set<string>();
    const set = `element bridge ${tableName(tag)} ${name}`;
    const added = [...wanted].filter((element) => !old.has(element));
    const gone = [...old].filter((element) => !wanted.has(element));
    return [
      ...(gone.length > 0 ? [`delete ${set} { ${gone.join(', ')} }`] : []),
      ...(added.length > 0 ? [`add ${set} { ${added.join(', ')} }`] : []),
    ];
  });
}

/**
 * What comes from a sandbox, before the bridge learns from it: a packet costs two looks into a set, however many
 * sandboxes there are. `ether type` stands in each rule, or a frame with a VLAN tag of 0, which its receiver takes for one
 * without, would match by what is inside.
 *
 * Let in beside one's own: an ARP probe (RFC 5227), a DHCP client's first word (RFC 2131), and of IPv6 before there is an
 * address (RFC 4862): the search for a duplicate of an own address, and what multicast groups need. What speaks for a
 * router is refused whoever sends it (RFC 6105), behind extension headers as well, and so is a neighbour's answer for
 * an address that is not the sender's.
 */
const rules = `\
  chain prerouting {
    type filter hook prerouting priority dstnat; policy accept;
    iifname != @ends accept
    ether type ip iifname . ether saddr . ip saddr @ipv4 accept
    ether type ip6 goto from_ipv6
    ether type arp iifname . arp saddr ether != @macs drop
    ether type arp iifname . ether saddr . arp saddr ip @ipv4 accept
    iifname . ether saddr != @macs drop
    ether type arp arp operation request arp saddr ip 0.0.0.0 accept
    ether type ip ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept
    drop
  }
  chain from_ipv6 {
    icmpv6 type { nd-router-advert, nd-redirect } drop
    icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @targets drop
    iifname . ether saddr . ip6 saddr @ipv6 accept
    iifname . ether saddr != @macs drop
    ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . @th,64,128 @targets accept
    ip6 saddr :: icmpv6 type { nd-router-solicit, mld-listener-report, mld2-listener-report } accept
    drop
  }`;
