import { type Family, familyOf, parseAddress, parseSubnet } from '../../../lib/addresses.ts';
import type { NetworkRules } from '../../firewall.ts';
import { tableName } from '../../names.ts';
import type { Exec } from '../exec.ts';
import { dockerUserPrefixes } from '../firewall/docker-user.ts';
import { accepting, type Traffic } from './accepting.ts';
import type { Packet } from './packet-match.ts';
import { type BaseChain, type FilterTable, foreignFilters } from './ruleset.ts';
import { verdictOf } from './verdict.ts';

/**
 * What packet filters of others keep from the networks, a line for each chain, with what to type against it. Beside a
 * Docker Engine the rules in DOCKER-USER accept what FORWARD would drop (docker-user.ts), and nothing is to be said.
 */
export async function firewallObstacles(
  exec: Exec,
  tag: string,
  networks: readonly NetworkRules[],
): Promise<string[]> {
  const samples = samplesOf(tag, networks);
  if (samples.length === 0) return [];
  // Fairlead's other nodes on this host, as the playground has them, drop nothing that is not theirs.
  const isOurs = (table: string) => table.startsWith(tableName(''));
  const tables = await foreignFilters(exec, isOurs);
  return tables.flatMap((table) => table.bases.flatMap((base) => obstacle(table, base, samples)));
}

/** One packet of a kind for all networks whose bridges a pattern names. */
interface Sample {
  readonly traffic: Traffic;
  readonly hook: BaseChain['hook'];
  readonly packet: Packet;
}

function samplesOf(tag: string, networks: readonly NetworkRules[]): readonly Sample[] {
  const samples = networks.flatMap((network) => {
    const [pattern = network.bridge] = dockerUserPrefixes(tag, [network.bridge]);
    return network.subnets.flatMap((subnet) => ofSubnet(network, subnet, pattern));
  });
  const keyOf = ({ traffic, packet }: Sample) =>
    `${traffic.kind} ${traffic.kind === 'tunnel' ? traffic.port : traffic.bridges} ${packet.family}`;
  return [...new Map(samples.map((sample) => [keyOf(sample), sample])).values()];
}

function ofSubnet(network: NetworkRules, subnet: string, bridges: string): readonly Sample[] {
  const { bridge, internal, tunnelPort } = network;
  const family: Family = familyOf(subnet);
  const container = parseAddress(addressIn(subnet));
  const asked = { protocol: 'udp', port: 53 } as const;
  const dns: Sample = {
    traffic: { kind: 'dns', bridges },
    hook: 'input',
    packet: { family, in: bridge, source: container, ...asked },
  };
  const out: Sample = {
    traffic: { kind: 'out', bridges },
    hook: 'forward',
    packet: { family, in: bridge, source: container },
  };
  const published: Sample = {
    traffic: { kind: 'published', bridges },
    hook: 'forward',
    packet: { family, out: bridge, destination: container, redirected: true },
  };
  const tunnel: Sample[] =
    tunnelPort === undefined
      ? []
      : [
          {
            traffic: { kind: 'tunnel', port: tunnelPort },
            hook: 'input',
            packet: { family: 4, protocol: 'udp', port: tunnelPort },
          },
        ];
  return [dns, ...(internal ? [] : [out, published]), ...tunnel];
}

/** Any of the subnet's: a filter knows it by the subnet at most. */
function addressIn(subnet: string): string {
  const { text, family } = parseSubnet(subnet);
  const network = text.slice(0, text.indexOf('/'));
  return family === 4 ? network.replace(/\d+$/, (last) => String(Number(last) | 2)) : `${network}2`;
}

function obstacle(table: FilterTable, base: BaseChain, samples: readonly Sample[]): string[] {
  const dropped = samples.filter(
    ({ hook, packet }) =>
      hook === base.hook &&
      (table.family === 'inet' || table.family === (packet.family === 4 ? 'ip' : 'ip6')) &&
      verdictOf(table, base, packet) === 'drop',
  );
  if (dropped.length === 0) return [];
  const traffic = dropped.map((sample) => sample.traffic);
  const what = [...new Set(traffic.map(({ kind }) => words[kind]))].join(' and ');
  const commands = [...new Set(traffic.flatMap((each) => accepting(table, base, each)))].join(' && ');
  return [
    `the host's firewall (chain ${base.name} of table ${table.family} ${table.name}) drops ${what}; type: ${commands}`,
  ];
}

const words: Readonly<Record<Traffic['kind'], string>> = {
  dns: 'what containers ask of DNS',
  out: 'what containers send beyond their network',
  published: 'what comes to published ports',
  tunnel: 'what comes through tunnels from other nodes',
};
