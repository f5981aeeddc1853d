import type { BaseChain, FilterTable } from './ruleset.ts';

/** What a network needs to get past a packet filter. `bridges`: a pattern, with `+` at its end where it stands for many. */
export type Traffic =
  | { readonly kind: 'dns' | 'out' | 'published'; readonly bridges: string }
  | { readonly kind: 'tunnel'; readonly port: number };

/** The commands that let it pass, in the language of who wrote the chain. */
export function accepting(table: FilterTable, base: BaseChain, traffic: Traffic): readonly string[] {
  if ([...table.chains.keys()].some((name) => /^ufw6?-/.test(name))) return ufw(traffic);
  if (table.name === 'firewalld') return firewalld(traffic);
  const isIptables =
    table.family !== 'inet' && table.name === 'filter' && base.name === base.name.toUpperCase();
  return isIptables
    ? iptables(table.family === 'ip6' ? 'ip6tables' : 'iptables', traffic)
    : nft(table, base, traffic);
}

function ufw(traffic: Traffic): readonly string[] {
  if (traffic.kind === 'tunnel') return [`ufw allow ${traffic.port}/udp`];
  const { kind, bridges } = traffic;
  if (kind === 'dns') return [`ufw allow in on ${bridges} to any port 53`];
  return [`ufw route allow ${kind === 'out' ? 'in' : 'out'} on ${bridges}`];
}

function firewalld(traffic: Traffic): readonly string[] {
  const change =
    traffic.kind === 'tunnel'
      ? `--add-port=${traffic.port}/udp`
      : `--zone=trusted --add-interface=${traffic.bridges}`;
  return [`firewall-cmd --permanent ${change}`, 'firewall-cmd --reload'];
}

function iptables(program: string, traffic: Traffic): readonly string[] {
  if (traffic.kind === 'tunnel') return [`${program} -I INPUT -p udp --dport ${traffic.port} -j ACCEPT`];
  const { kind, bridges } = traffic;
  if (kind === 'out') return [`${program} -I FORWARD -i ${bridges} -j ACCEPT`];
  if (kind === 'published') return [`${program} -I FORWARD -o ${bridges} -j ACCEPT`];
  return ['udp', 'tcp'].map(
    (protocol) => `${program} -I INPUT -i ${bridges} -p ${protocol} --dport 53 -j ACCEPT`,
  );
}

function nft({ family, name }: FilterTable, base: BaseChain, traffic: Traffic): readonly string[] {
  const rule = (text: string) => [`nft 'insert rule ${family} ${name} ${base.name} ${text} accept'`];
  if (traffic.kind === 'tunnel') return rule(`udp dport ${traffic.port}`);
  const pattern = `"${traffic.bridges.replace(/\+$/, '*')}"`;
  if (traffic.kind === 'dns') return rule(`iifname ${pattern} meta l4proto { tcp, udp } th dport 53`);
  return rule(`${traffic.kind === 'out' ? 'iifname' : 'oifname'} ${pattern}`);
}
