import { familyOf } from '../../../lib/addresses.ts';
import type { PortRule } from '../../firewall.ts';

/** A set or map of the table, whose elements are all that differs from value to value. */
export interface NftSet {
  readonly kind: 'set' | 'map';
  readonly name: string;
  readonly type: string;
  /** Sorted, each once. */
  readonly elements: readonly string[];
}

const wildcards = ['0.0.0.0', '::'];

/** Published ports as four maps: by address and port, and by port alone for those on every address. */
export function portMaps(ports: readonly PortRule[]): NftSet[] {
  return ([4, 6] as const).flatMap((family) => {
    const ofFamily = ports.filter(({ target }) => familyOf(target.address) === family);
    const everywhere = ofFamily.filter(({ published }) => wildcards.includes(published.address));
    const value = `ipv${family}_addr . inet_service`;
    return [
      portMap(`anywhere${family}`, `inet_proto . inet_service : ${value}`, everywhere.map(byPort)),
      portMap(
        `published${family}`,
        `ipv${family}_addr . inet_proto . inet_service : ${value}`,
        ofFamily
          .filter((rule) => !everywhere.includes(rule))
          .map((rule) => `${rule.published.address} . ${byPort(rule)}`),
      ),
    ];
  });
}

function byPort({ published, target }: PortRule): string {
  return `${published.protocol} . ${published.port} : ${target.address} . ${target.port}`;
}

function portMap(name: string, type: string, elements: readonly string[]): NftSet {
  return { kind: 'map', name, type, elements: [...elements].sort() };
}

const redirect = (family: 4 | 6) => {
  const ip = family === 4 ? 'ip' : 'ip6';
  return [
    `dnat ${ip} to ${ip} daddr . meta l4proto . th dport map @published${family}`,
    `fib daddr type local dnat ${ip} to meta l4proto . th dport map @anywhere${family}`,
  ];
};

const lines = (rules: readonly string[]) => rules.map((rule) => `    ${rule}`).join('\n');

/**
 * The kernel redirects what comes from outside, from sandboxes and from the host itself, its IPv4 loopback
 * included, so that ports go on working while no daemon runs. A packet from 127.0.0.1 may leave by a bridge
 * only with route_localnet set there (ip-sysctl); what a sandbox sends to 127.0.0.0/8 over the wire is
 * neither redirected nor let in. IPv6 has no such switch: `[::1]` is left to the relay (held-ports.ts).
 */
export const portChains = `\
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    meta l4proto != { tcp, udp, sctp } accept
    ip daddr 127.0.0.0/8 accept
${lines([...redirect(4), ...redirect(6)])}
  }
  chain output {
    type nat hook output priority -100; policy accept;
    meta l4proto != { tcp, udp, sctp } accept
    ip6 daddr ::1 accept
${lines([...redirect(4), ...redirect(6)])}
  }`;

/**
 * Of the postrouting chain. A target answers a sender on its own network without asking the host, and one with a
 * loopback address not at all: for those two the host's address stands in.
 */
export const hairpin = `\
    oifname @bridges ct status dnat ip saddr 127.0.0.0/8 masquerade
    oifname @bridges ct status dnat ip saddr @subnets4 masquerade
    oifname @bridges ct status dnat ip6 saddr @subnets6 masquerade`;
