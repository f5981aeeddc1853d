import { familyOf } from '../../lib/addresses.ts';
import type { Firewall, NetworkRules } from '../dataplane.ts';
import { tableName } from './names.ts';

/**
 * The node's nftables table as text for `nft -f -`: one transaction that replaces what was there. Every
 * network is a few set elements, so that a packet costs the same with one network and with 500.
 * Equal rules in any order give equal text. No networks: no table.
 */
export function renderFirewall(tag: string, { networks }: Firewall): string {
  const table = `table inet ${tableName(tag)}`;
  // A table has to be there to be deleted; declaring it makes sure (nft(8), "Tables").
  const clear = [table, `delete ${table}`, ''].join('\n');
  if (networks.length === 0) return clear;
  const parts = [...sets(networks), forward, input, postrouting];
  return `${clear}${table} {\n${parts.join('\n')}\n}\n`;
}

function sets(networks: readonly NetworkRules[]): string[] {
  const all = (kind: (rules: NetworkRules) => boolean) => networks.filter(kind);
  const names = (of: readonly NetworkRules[]) => of.map(({ bridge }) => `"${bridge}"`);
  const masqueraded = all(({ masquerade, internal }) => masquerade && !internal);
  return [
    set('bridges', 'type ifname', names(networks)),
    set('internal', 'type ifname', names(all(({ internal }) => internal))),
    set(
      'within',
      'type ifname . ifname',
      names(all(({ icc }) => icc)).map((name) => `${name} . ${name}`),
    ),
    ...subnetSets('subnets', networks),
    ...subnetSets('masqueraded', masqueraded),
  ];
}

function subnetSets(name: string, networks: readonly NetworkRules[]): string[] {
  const subnets = networks.flatMap((rules) => rules.subnets);
  // auto-merge: subnets of different address spaces may overlap.
  return ([4, 6] as const).map((family) =>
    set(
      `${name}${family}`,
      `type ipv${family}_addr; flags interval; auto-merge`,
      subnets.filter((subnet) => familyOf(subnet) === family),
    ),
  );
}

function set(name: string, definition: string, elements: readonly string[]): string {
  const list = [...new Set(elements)].sort().join(', ');
  return `  set ${name} { ${definition}; ${list === '' ? '' : `elements = { ${list} }; `}}`;
}

/**
 * Between sandboxes, and in and out of the host. With bridge-nf-call-iptables=1 frames that stay within
 * one bridge come by as well, with the bridge as both interfaces.
 */
const forward = `\
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname != @bridges oifname != @bridges accept
    ct state established,related accept
    iifname . oifname @within accept
    iifname @bridges oifname @bridges drop
    iifname @internal drop
    oifname @internal drop
    iifname @bridges accept
    ct status dnat accept comment "published ports"
    drop
  }`;

/**
 * From sandboxes to the host itself: its addresses on other bridges are as far away as those networks,
 * and an internal network has DNS, echo and neighbour discovery (RFC 4861), nothing else.
 */
const input = `\
  chain input {
    type filter hook input priority filter; policy accept;
    iifname != @bridges accept
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-report, mld2-listener-report } accept
    fib daddr . iif type local meta l4proto { icmp, icmpv6 } accept
    fib daddr . iif type local meta l4proto { tcp, udp } th dport 53 accept
    iifname @internal drop
    fib daddr . iif type local accept
    ip daddr @subnets4 drop
    ip6 daddr @subnets6 drop
  }`;

/** What leaves the host takes the address of the interface it leaves by. */
const postrouting = `\
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname @bridges accept
    oifname "lo" accept
    ip saddr @masqueraded4 masquerade
    ip6 saddr @masqueraded6 masquerade
  }`;
