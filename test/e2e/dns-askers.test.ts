import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DnsFlood, type LookUps, lookUp } from '../rig/dns-load.ts';
import { DnsStage } from '../rig/dns-stage.ts';
import { until } from '../rig/until.ts';

/** Who is answered, for whom anybody is asked, and who pays for a flood: a whole daemon, dig, and three machines. */
let stage: DnsStage;

beforeAll(async () => {
  stage = await DnsStage.open();
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
});

const transports = [[], ['+tcp']] as const;

/** Every kind of question, over UDP and TCP, side by side. */
async function askAll(namespace: string, network: string, address: string): Promise<readonly string[]> {
  const questions = [[`in-${network}`], [`in-${network}.${network}`], ['www.example.test']];
  const asked = questions.flatMap((words) => transports.map((transport) => [...words, ...transport]));
  return await Promise.all(asked.map((words) => stage.dig(namespace, `@${address}`, ...words)));
}

const silence = Array<string>(6).fill('silence');

describe('a gateway', () => {
  const networks = ['open', 'inner', 'over'];

  it.each(networks)('of %s answers the host and its own containers', async (network) => {
    const address = await stage.gateway(network);
    const outside = network === 'inner' ? 'SERVFAIL' : 'NOERROR';
    const all = ['NOERROR', 'NOERROR', 'NOERROR', 'NOERROR', outside, outside];
    expect(await askAll(await stage.namespaceOf(`in-${network}`), network, address)).toEqual(all);
    expect(await askAll(stage.host.path, network, address)).toEqual(all);
    for (const own of ['127.0.0.1', '192.0.2.1']) {
      expect(await stage.dig(stage.host.path, '-b', own, `@${address}`, `in-${network}`)).toBe('NOERROR');
    }
  });

  it('answers nobody else, by either of two defences', async () => {
    const gateways = await Promise.all(networks.map((network) => stage.gateway(network)));
    const fromNeighbour = () =>
      Promise.all(networks.map((network, i) => askAll(stage.neighbour.path, network, gateways[i] ?? '')));
    expect(await fromNeighbour()).toEqual([silence, silence, silence]);
    // The responder takes the neighbour for the gateway itself; the rule holds.
    await stage.hideNeighbour();
    expect(await fromNeighbour()).toEqual([silence, silence, silence]);
    // No rule: the responder knows who is no neighbour of the container's.
    await stage.showNeighbour();
    await stage.dropRule();
    expect(await fromNeighbour()).toEqual([silence, silence, silence]);
    expect(await stage.metrics()).toMatch(/^fairlead_dns_not_admitted_total (1[89]|[2-9]\d)$/m);
    // Neither.
    await stage.hideNeighbour();
    expect((await fromNeighbour()).flat()).toEqual([
      ...Array(6).fill('NOERROR'),
      ...Array(4).fill('NOERROR'),
      'SERVFAIL',
      'SERVFAIL',
      ...Array(6).fill('NOERROR'),
    ]);
    await stage.showNeighbour();
    await stage.daemon.ok('doctor', '--repair');
    expect(await stage.daemon.ok('doctor')).toMatch(/^\d+ checked, all as it should be$/);
  });

  it('is as deaf over IPv6', async () => {
    const address = await stage.gateway('six', 1);
    const inside = await stage.namespaceOf('in-six');
    expect(await askAll(inside, 'six', address)).toEqual(Array(6).fill('NOERROR'));
    expect(await askAll(stage.neighbour.path, 'six', address)).toEqual(silence);
    await stage.hideNeighbour();
    expect(await askAll(stage.neighbour.path, 'six', address)).toEqual(silence);
    await stage.showNeighbour();
  });

  it('does not answer a container of another network', async () => {
    const address = await stage.gateway('open');
    expect(await askAll(await stage.namespaceOf('in-over'), 'open', address)).toEqual(silence);
  });
});

describe('an internal network', () => {
  /** As a container of it would leak: by its own resolver, and by the host's listener on its behalf. */
  async function leak(label: string): Promise<readonly string[]> {
    const inside = await stage.namespaceOf('in-inner');
    const address = await stage.address('in-inner', 'inner');
    const own = `@${await stage.gateway('inner')}`;
    const kinds = [['A'], ['AAAA'], ['TXT'], ['A', '+tcp']];
    const name = `${label}.attacker.example`;
    return await Promise.all([
      ...kinds.map((kind) => stage.dig(inside, own, name, ...kind)),
      ...kinds.map((kind) =>
        stage.dig(stage.host.path, '@127.0.0.1', '-p', '5354', `+subnet=${address}/32`, name, ...kind),
      ),
    ]);
  }

  it('asks nobody upstream, at once, from when it is all that a container is on until it is not', async () => {
    const began = performance.now();
    expect(await leak('secret')).toEqual(Array(8).fill('SERVFAIL'));
    expect(performance.now() - began).toBeLessThan(3000);
    const probe = await stage.daemon.run('fairlead', 'probe', 'in-inner', 'secret.attacker.example');
    expect(probe.stdout).toBe(
      'secret.attacker.example for in-inner: no-way-out (SERVFAIL): secret.attacker.example is no name of inner; ' +
        'in-inner is on internal networks only, so no upstream server is asked\n',
    );
    expect(probe.code).toBe(1);
    expect(stage.upstream.askedFor('attacker')).toEqual([]);
    expect(await stage.metrics()).toMatch(/^fairlead_dns_forwards_denied_total \d\d$/m);

    await stage.daemon.ok('network', 'connect', 'open', 'in-inner');
    expect(await leak('allowed')).toEqual(Array(8).fill('NOERROR'));
    expect(new Set(stage.upstream.askedFor('allowed.attacker'))).toEqual(
      new Set([1, 28, 16].map((type) => `allowed.attacker.example ${type}`)),
    );
    await stage.daemon.ok('network', 'disconnect', 'open', 'in-inner');
    expect(await leak('again')).toEqual(Array(8).fill('SERVFAIL'));
    expect(stage.upstream.askedFor('again')).toEqual([]);
  });

  it('asks nobody for an address of it that is no container’s', async () => {
    const inside = await stage.namespaceOf('in-inner');
    const taken = (await stage.address('in-inner', 'inner')).replace(/\d+$/, '77');
    await stage.daemon.inHost(
      'nsenter',
      `--net=${inside}`,
      'ip',
      'addr',
      'add',
      `${taken}/16`,
      'dev',
      'eth0',
    );
    const asked = stage.dig(
      inside,
      '-b',
      taken,
      `@${await stage.gateway('inner')}`,
      'taken.attacker.example',
    );
    expect(await asked).not.toBe('NOERROR');
    expect(stage.upstream.askedFor('taken')).toEqual([]);
  });
});

it('one container’s flood of open questions and idle connections costs another no lookup', async () => {
  await stage.daemon.ok('run', '-d', '--name', 'victim', '--net', 'open', 'web');
  const server = await stage.gateway('open');
  const victim = await stage.namespaceOf('victim');
  const look = () => lookUp(victim, server, 200, 'in-open', '*.example.test');
  const quiet = await look();
  const flooder = await stage.namespaceOf('in-open');
  await using _flood = await DnsFlood.start(flooder, server, { rate: 2000, idle: 300 });
  await until(
    'the flood uses up its share',
    () => stage.metrics(),
    (text) => /^fairlead_dns_inflight 128$/m.test(text),
  );
  const flooded = await look();
  for (const [i, { name, transport, p99 }] of flooded.entries()) {
    const before = quiet[i]?.p99.toFixed(1);
    process.stdout.write(`${name} over ${transport}: p99 ${before} ms, in the flood ${p99.toFixed(1)} ms\n`);
  }
  const failures = (all: readonly LookUps[]) => all.map(({ failed }) => failed);
  expect([failures(quiet), failures(flooded)]).toEqual([
    [[], [], [], []],
    [[], [], [], []],
  ]);
  const metrics = await stage.metrics();
  expect(metrics).toMatch(/^fairlead_dns_forward_overflows_total\{limit="asker"\} [1-9]\d{3,}$/m);
  expect(metrics).toMatch(/^fairlead_dns_connection_overflows_total\{limit="asker"\} [1-9]\d\d+$/m);
  expect(metrics).toMatch(/^fairlead_dns_forward_overflows_total\{limit="network"\} 0$/m);
  expect(Number(/^fairlead_dns_connections (\d+)$/m.exec(metrics)?.[1])).toBeLessThanOrEqual(40);
});
