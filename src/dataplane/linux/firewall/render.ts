import { familyOf, isAddress, parseAddress, parseSubnet } from '../../../lib/addresses.ts';
import type { Door, Firewall, NetworkRules, Way } from '../../firewall.ts';
import { resolverAddress, tableName } from '../../names.ts';
import { type OpenedFamily, routedKinds } from './forwarding.ts';
import { hairpin, type NftSet, portChains, portMaps } from './ports.ts';

/** The value, and what is known on this host alone. */
export interface HostFirewall extends Firewall {
  /** Families that the host forwards for us alone. */
  readonly opened?: readonly OpenedFamily[];
}

/**
 * The node's nftables table as text for `nft -f -`: one transaction that replaces what was there. Every
 * network is a few set elements, so that a packet costs the same with one network and with 500.
 * Equal rules in any order give equal text. No networks: no table.
 */
export function renderFirewall(tag: string, firewall: HostFirewall): string {
  const table = `table inet ${tableName(tag)}`;
  // A table has to be there to be deleted; declaring it makes sure (nft(8), "Tables").
  const clear = [table, `delete ${table}`, ''].join('\n');
  if (firewall.networks.length === 0) return clear;
  const sealing = isSealing(firewall) ? [sealed] : [];
  const parts = [
    ...setsOf(firewall).map(declaration),
    ...sealing,
    forward,
    direct,
    transit,
    resolvers,
    input,
    isolation,
    portChains,
    postrouting,
  ];
  return `${clear}${table} {\n${parts.join('\n')}\n}\n`;
}

/**
 * The commands, for one transaction, that bring the table from one value to another by its elements; undefined
 * when that is not enough.
 */
export function renderChanges(tag: string, before: HostFirewall, after: HostFirewall): string[] | undefined {
  if (!after.partial && !isSameTable(before, after)) return undefined;
  const old = setsOf(before);
  const commands: string[] = [];
  for (const [i, { name, type, elements }] of setsOf(after).entries()) {
    const present = new Set(old[i]?.elements);
    const added = elements.filter((element) => !present.delete(element));
    // Kernels have been known to err where intervals that overlap go and come at once.
    if (type.endsWith('interval') && present.size > 0 && added.length > 0) return undefined;
    const set = `element inet ${tableName(tag)} ${name}`;
    if (present.size > 0) commands.push(`delete ${set} { ${[...present].join(', ')} }`);
    if (added.length > 0) commands.push(`add ${set} { ${added.join(', ')} }`);
  }
  return commands;
}

/** But for its elements. */
function isSameTable(before: HostFirewall, after: HostFirewall): boolean {
  if (before.networks.length === 0 || after.networks.length === 0) return false;
  return isSealing(before) === isSealing(after);
}

/** Only then are there rules about IPsec: without, the kernel need not know what that is. */
function isSealing({ networks }: Firewall): boolean {
  return networks.some(({ encrypted }) => encrypted);
}

/** Once for each value: with 500 networks it takes a while, and the text and the changes need it. */
const known = new WeakMap<HostFirewall, readonly NftSet[]>();

/** All that differs from value to value; always the same sets in the same order. */
function setsOf(firewall: HostFirewall): readonly NftSet[] {
  const sets = known.get(firewall) ?? makeSets(firewall);
  known.set(firewall, sets);
  return sets;
}

function makeSets(firewall: HostFirewall): NftSet[] {
  const { networks, ports: published = [], nodes = [], opened = [] } = firewall;
  const names = (of: readonly NetworkRules[]) => of.map(({ bridge }) => `"${bridge}"`);
  const talking = names(networks.filter(({ icc }) => icc));
  const internals = networks.filter(({ internal }) => internal);
  const ports = (of: readonly NetworkRules[]) => of.flatMap(({ tunnelPort }) => tunnelPort ?? []).map(String);
  return [
    nftSet('bridges', 'ifname', names(networks)),
    nftSet('internal', 'ifname', names(internals)),
    nftSet('tunnels', 'inet_service', ports(networks)),
    // Bits 96 to 119 after the UDP header's first: the VXLAN header's id (RFC 7348 section 5).
    nftSet('vnis', `typeof ${vniField}`, networks.flatMap(({ vni }) => vni ?? []).map(String)),
    nftSet('sealed', 'inet_service', ports(networks.filter(({ encrypted }) => encrypted))),
    nftSet(
      'within',
      'ifname . ifname',
      talking.map((name) => `${name} . ${name}`),
    ),
    ...subnetSets(
      'subnets',
      networks.flatMap(({ subnets }) => subnets),
    ),
    ...subnetSets('masqueraded', networks.flatMap(masqueradedOf)),
    ...waySets(firewall),
    ...portMaps(published),
    ...nodeSets(nodes),
    ...transitSets(opened),
  ];
}

function masqueradedOf({ masquerade, internal, subnets, ways = {} }: NetworkRules): readonly string[] {
  return masquerade && !internal ? subnets.filter((subnet) => ways[familyOf(subnet)] !== 'routed') : [];
}

/** What the chains `direct`, `doors` and `isolation` look at. */
function waySets({ networks, doors = [] }: HostFirewall): NftSet[] {
  const going = (way: Way) =>
    networks.flatMap(({ bridge, ways = {} }) =>
      ([4, 6] as const)
        .filter((family) => ways[family] === way)
        .map((family) => `ipv${family} . "${bridge}"`),
    );
  const trusted = networks.flatMap(({ bridge, trusted: names = [] }) =>
    names.map((name) => `"${name}" . "${bridge}"`),
  );
  const apart = networks.filter(({ icc }) => !icc).map(({ bridge }) => `"${bridge}" . "${bridge}"`);
  return [
    nftSet('apart', 'ifname . ifname', apart),
    nftSet('unprotected', 'nf_proto . ifname', going('nat-unprotected')),
    nftSet('routed', 'nf_proto . ifname', going('routed')),
    nftSet('isolated', 'nf_proto . ifname', going('isolated')),
    nftSet('trusted', 'ifname . ifname', trusted),
    ...([4, 6] as const).map((family) => doorSet(family, doors)),
  ];
}

function doorSet(family: 4 | 6, doors: readonly Door[]): NftSet {
  const ofFamily = doors.filter(({ address }) => familyOf(address) === family);
  return nftSet(
    `doors${family}`,
    `ipv${family}_addr . inet_proto . inet_service`,
    ofFamily.map(({ address, protocol, port }) => `${address} . ${protocol} . ${port}`),
  );
}

/** Records of other nodes say where they are: what is no address goes into no rule. */
function nodeSets(nodes: readonly string[]): NftSet[] {
  const addresses = nodes.filter(isAddress).map((address) => parseAddress(address));
  return ([4, 6] as const).map((family) =>
    nftSet(
      `nodes${family}`,
      `ipv${family}_addr`,
      addresses.filter((address) => familyOf(address) === family),
    ),
  );
}

function transitSets(opened: readonly OpenedFamily[]): NftSet[] {
  const all = opened.flatMap(({ family, closed }) => closed.map((name) => ({ family, name: `"${name}"` })));
  return [
    nftSet(
      'opened',
      'nf_proto',
      opened.map(({ family }) => `ipv${family}`),
    ),
    nftSet(
      'closed',
      'nf_proto . ifname',
      all.map(({ family, name }) => `ipv${family} . ${name}`),
    ),
    nftSet(
      'same',
      'ifname . ifname',
      all.map(({ name }) => `${name} . ${name}`),
    ),
  ];
}

function subnetSets(name: string, subnets: readonly string[]): NftSet[] {
  return ([4, 6] as const).map((family) => {
    const ofFamily = subnets.filter((subnet) => familyOf(subnet) === family);
    return nftSet(`${name}${family}`, `ipv${family}_addr; flags interval`, outermost(ofFamily));
  });
}

/**
 * Without those that lie within another, which a set of intervals does not take (subnets of different
 * address spaces may). The sets' own auto-merge would do, but rewrites neighbours: 20 ms an addition.
 */
function outermost(subnets: readonly string[]): string[] {
  const parsed = [...new Set(subnets)].map(parseSubnet);
  // Of two that begin together the wider one first: whatever lies within another comes after it.
  const sorted = parsed.sort((a, b) => compare(a.first, b.first) || a.prefixLength - b.prefixLength);
  let end = -1n;
  return sorted.flatMap(({ text, first, last }) => {
    if (first <= end) return [];
    end = last;
    return [text];
  });
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function nftSet(name: string, type: string, elements: readonly string[]): NftSet {
  return { kind: 'set', name, type, elements: [...new Set(elements)].sort() };
}

const vniField = '@th,96,24';

function declaration({ kind, name, type, elements }: NftSet): string {
  const list = elements.length === 0 ? '' : `elements = { ${elements.join(', ')} }; `;
  const typed = type.startsWith('typeof ') ? type : `type ${type}`;
  return `  ${kind} ${name} { ${typed}; ${list}}`;
}

/**
 * What encrypted tunnels carry goes through IPsec or not at all. The kernel's policies see to that (tunnel-policies.ts);
 * this holds where they do not: on `lo`, which they leave out, and after somebody has flushed them.
 */
const sealed = `\
  chain sealed_input {
    type filter hook input priority filter; policy accept;
    udp dport @sealed meta ipsec missing drop
  }
  chain sealed_output {
    type filter hook output priority filter; policy accept;
    udp dport @sealed rt ipsec missing drop
  }`;

/**
 * Between sandboxes, and in and out of the host. What a sandbox would send into a tunnel is dropped: masqueraded,
 * it would look like another host's frames. With bridge-nf-call-iptables=1 frames that stay within
 * one bridge come by as well, with the bridge as both interfaces.
 */
const forward = `\
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname != @bridges oifname != @bridges goto transit
    ct state established,related accept
    iifname . oifname @within accept
    iifname @bridges udp dport @tunnels drop
    iifname @internal drop
    oifname @internal drop
    ct status dnat accept comment "published ports"
    iifname . oifname @apart drop
    meta nfproto . oifname @routed goto direct
    iifname @bridges oifname @bridges drop
    iifname @bridges accept
    meta nfproto . oifname @unprotected accept
    iifname . oifname @trusted goto doors
    drop
  }`;

/**
 * To a container's own address from elsewhere (libnetwork's gateway modes): into a routed network echo and published
 * ports, by a trusted interface those ports.
 */
const direct = `\
  chain direct {
    meta l4proto { icmp, icmpv6 } accept
    goto doors
  }
  chain doors {
    ip daddr . meta l4proto . th dport @doors4 accept
    ip6 daddr . meta l4proto . th dport @doors6 accept
    drop
  }`;

const kinds = routedKinds.map((kind) => `"${kind}"`).join(', ');

/**
 * What only passes through. Where the host forwarded nothing before we came it must not become a router for its
 * neighbours (forwarding.ts): not between interfaces that were there then, nor between plain ones that came later. Bridges and
 * tunnels that came later are of somebody who forwards himself (another Fairlead, an Engine, virtual machines): his
 * affair. By one and the same interface comes what stays within a bridge, with bridge-nf-call-iptables=1.
 */
const transit = `\
  chain transit {
    meta nfproto != @opened accept
    iifname . oifname @same accept
    meta nfproto . iifname @closed meta nfproto . oifname @closed drop
    meta iifkind { ${kinds} } accept
    meta oifkind { ${kinds} } accept
    drop
  }`;

/**
 * A gateway's DNS is for its own bridge and the host: for anybody else, a container of another network or a machine that
 * routes our subnets to this host, it would be an open resolver (RFC 5358). The one that containers of every network
 * ask is for what is behind a bridge here.
 */
const resolvers = `\
  chain resolvers {
    iifname "lo" return
    ip daddr @subnets4 fib daddr . iif type != local drop
    ip6 daddr @subnets6 fib daddr . iif type != local drop
    ip daddr ${resolverAddress} meta iifkind != "bridge" drop
  }`;

/**
 * From sandboxes to the host itself: its addresses on other bridges are as far away as those networks,
 * and an internal network has DNS, echo and neighbour discovery (RFC 4861), nothing else. No sandbox reaches
 * the host's loopback addresses, although route_localnet (ports.ts) would let it try. Whoever may send to a
 * tunnel port is inside every network that has it (RFC 7348 section 7): other nodes only, as far as our networks go;
 * Swarm has others on that port. No sandbox is the host's router.
 */
const input = `\
  chain input {
    type filter hook input priority filter; policy accept;
    udp dport @tunnels ${vniField} @vnis ip saddr != @nodes4 drop
    udp dport @tunnels ${vniField} @vnis ip6 saddr != @nodes6 drop
    meta l4proto { tcp, udp } th dport 53 jump resolvers
    iifname != @bridges accept
    udp dport @tunnels drop
    icmpv6 type { nd-router-advert, nd-redirect } drop
    icmp type redirect drop
    ct state established,related accept
    ip daddr 127.0.0.0/8 drop
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-report, mld2-listener-report } accept
    meta nfproto . iifname @isolated meta l4proto { icmp, icmpv6 } drop
    fib daddr . iif type local meta l4proto { icmp, icmpv6 } accept
    fib daddr . iif type local meta l4proto { tcp, udp } th dport 53 accept
    ip daddr ${resolverAddress} meta l4proto { tcp, udp } th dport 53 accept
    iifname @internal drop
    fib daddr . iif type local accept
    ip daddr @subnets4 drop
    ip6 daddr @subnets6 drop
  }`;

/** The gateway of an isolated network is there for DNS alone: the host begins nothing with its containers. */
const isolation = `\
  chain isolation {
    type filter hook output priority filter; policy accept;
    meta nfproto . oifname != @isolated accept
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    drop
  }`;

/** What leaves the host takes the address of the interface it leaves by. */
const postrouting = `\
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
${hairpin}
    oifname @bridges accept
    oifname "lo" accept
    ip saddr @masqueraded4 masquerade
    ip6 saddr @masqueraded6 masquerade
  }`;
