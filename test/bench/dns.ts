import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestHost } from '../rig/namespace.ts';
import { bundle } from './bundle.ts';
import { loadFully, type Measured } from './dns-load.ts';
import { type DnsServer, services, startDnsServer } from './dns-servers.ts';
import { type Benchmark, type Budget, compare, median, type Row, type Say } from './row.ts';

const rounds = 13;
const seconds = 1;

export const dns: Benchmark = {
  about: 'one core, saturated by dnsperf on the other: ours beside aardvark-dns, Docker, dnsmasq and unbound',
  run: measure,
};

const oneAddress = services.map(({ name }) => name);
const cases = [
  { id: 'fairlead', server: 'fairlead', names: oneAddress },
  { id: 'aardvark-dns', server: 'aardvark', names: oneAddress },
  { id: 'Docker', server: 'docker', names: oneAddress },
  { id: 'dnsmasq', server: 'dnsmasq', names: oneAddress },
  { id: 'unbound', server: 'unbound', names: oneAddress },
  { id: 'bare dgram echo', server: 'echo', names: oneAddress },
  { id: 'naive dns2', server: 'dns2', names: oneAddress },
  { id: 'fairlead, 28 addresses', server: 'fairlead', names: ['many'] },
  { id: 'aardvark-dns, 28 addresses', server: 'aardvark', names: ['many'] },
] as const;
type Id = (typeof cases)[number]['id'];
const peers: readonly Id[] = [
  'aardvark-dns',
  'Docker',
  'dnsmasq',
  'unbound',
  'bare dgram echo',
  'naive dns2',
];

async function measure(say: Say): Promise<readonly Row[]> {
  await bundle('dns-target');
  await using host = await TestHost.create();
  const directory = await mkdtemp(join(tmpdir(), 'dns-'));
  const servers = new Map<string, DnsServer>();
  try {
    let port = 5300;
    for (const [name, start] of Object.entries(startDnsServer)) {
      port += 1;
      servers.set(name, await start({ host, directory, port }));
    }
    return rowsOf(await inTurn(servers, directory, say));
  } finally {
    await Promise.all([...servers.values()].map(({ stop }) => stop()));
  }
}

type Samples = ReadonlyMap<Id, readonly Measured[]>;

async function inTurn(
  servers: ReadonlyMap<string, DnsServer>,
  directory: string,
  say: Say,
): Promise<Samples> {
  const samples = new Map<Id, Measured[]>(cases.map(({ id }) => [id, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { id, server, names } of cases) {
      const target = servers.get(server);
      if (!target) continue;
      const taken = await loadFully(target, { directory, names, seconds });
      // The first round warms up: code is to be compiled before it counts.
      if (round > 0) samples.get(id)?.push(taken);
    }
  }
  const shares = [...samples.values()].flat().map(({ coreShare }) => coreShare);
  say(
    `${rounds} rounds of ${seconds} s each; servers had ${Math.round(median(shares) * 100)} % of their core`,
  );
  if (median(shares) < 0.8) say('something else uses this machine: the queries/s say little');
  return samples;
}

function rowsOf(samples: Samples): readonly Row[] {
  const of = (id: Id, key: keyof Measured) => (samples.get(id) ?? []).map((sample) => sample[key]);
  const cpu = (peer: Id, ours: Id = 'fairlead', budget?: Budget) =>
    compare({
      what: ours === 'fairlead' ? 'DNS: CPU per query' : 'DNS: CPU per query, 28 addresses',
      unit: 'µs',
      ours: of(ours, 'cpuMicros'),
      peer: { name: peer, values: of(peer, 'cpuMicros') },
      ...(budget && { budget }),
    });
  const rate = (peer: Id, budget?: Budget) =>
    compare({
      what: 'DNS: queries/s, one core',
      unit: '1/s',
      ours: of('fairlead', 'queriesPerSecond'),
      peer: { name: peer, values: of(peer, 'queriesPerSecond') },
      ...(budget && { budget }),
    });
  const isBudgeted = (peer: Id) => peer === 'aardvark-dns' || peer === 'Docker';
  return [
    ...peers.map((peer) =>
      cpu(peer, 'fairlead', peer === 'aardvark-dns' ? { value: 'ratio', atMost: 0.9 } : undefined),
    ),
    ...peers.map((peer) => rate(peer, isBudgeted(peer) ? { value: 'ratio', atLeast: 1 } : undefined)),
    cpu('aardvark-dns, 28 addresses', 'fairlead, 28 addresses'),
  ];
}
