import { execFileSync } from 'node:child_process';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import type { DnsOptions } from '../../../../src/dns/dns.ts';
import { DnsThread } from '../../../../src/dns/thread/dns-thread.ts';
import type { NamesToReplicate } from '../../../../src/dns/thread/name-replica-writer.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { until } from '../../../rig/until.ts';
import { askUdp, FakeNames, makeEndpoint, makeNetwork, makeQuery, readReply } from '../fixture.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const foo = makeNetwork('foo', '127.0.45.0/24');
const bar = makeNetwork('bar', '127.0.46.0/24');
const gateway = { networkId: foo.id, address: '127.0.45.1' };

function namesOf(count: number): FakeNames {
  const names = new FakeNames();
  const endpoints = Array.from({ length: count }, (_, n) =>
    makeEndpoint(foo, { name: `web${n}`, ipv4: `127.0.45.${n + 2}/24` }),
  );
  names.set(foo, endpoints);
  names.set(bar, []);
  return names;
}

interface Opened {
  readonly dns: DnsThread;
  readonly lines: string[];
  ask(name: string): Promise<string>;
}

async function open(directory: NamesToReplicate, options: DnsOptions = {}): Promise<Opened> {
  const lines: string[] = [];
  const sink = { write: (line: string) => lines.push(line) };
  const dns = new DnsThread({
    options: { listen: 'none', gatewayPort: 0, ...options },
    log: silentLogger,
    logLevel: 'info',
    sink,
  });
  cleanUps.push(() => dns.close());
  await dns.start(directory);
  await dns.ensureListeners([gateway]);
  const ask = async (name: string) => {
    const port = (await dns.status()).listeners[0]?.port ?? 0;
    const reply = await askUdp(makeQuery(name), { address: gateway.address, port });
    const { rcode, answers } = readReply(reply ?? Buffer.alloc(12));
    return rcode === 0 ? (answers[0]?.split(' ')[3] ?? 'nothing') : `rcode ${rcode}`;
  };
  return { dns, lines, ask };
}

/** Every change is in the first answer after it. @throws when one is not */
async function checkFreshness(names: FakeNames, ask: Opened['ask']): Promise<void> {
  for (let n = 2; n < 100; n += 1) {
    names.set(foo, [makeEndpoint(foo, { name: 'moving', ipv4: `127.0.45.${n}/24` })]);
    expect(await ask('moving.foo')).toBe(`127.0.45.${n}`);
    names.set(foo, []);
    expect(await ask('moving.foo')).toBe('rcode 3');
  }
}

describe('DNS on a thread of its own', () => {
  it('answers with what was announced before the question', async () => {
    const names = namesOf(50);
    const { ask } = await open(names);
    expect(await ask('web7.foo')).toBe('127.0.45.9');
    await checkFreshness(names, ask);
    names.remove(foo);
    expect(await ask('web7.foo')).not.toBe('127.0.45.9');
  });

  it('answers while the thread of the daemon does something else', async () => {
    const { dns, ask } = await open(namesOf(1));
    await ask('web0.foo');
    const port = (await dns.status()).listeners[0]?.port ?? 0;
    const words = ['+short', '+time=1', '+tries=1', '-p', String(port), `@${gateway.address}`, 'web0.foo'];
    // Nothing else happens on this thread meanwhile.
    expect(execFileSync('dig', words, { encoding: 'utf8' })).toBe('127.0.45.2\n');
  });

  it('and a source that tells of changes later is found out', async () => {
    const names = namesOf(1);
    const late: NamesToReplicate = {
      networks: () => names.networks(),
      network: (id) => names.network(id),
      endpointsOf: (id) => names.endpointsOf(id),
      subscribe: (listener) => names.subscribe((ids) => setTimeout(() => listener(ids), 5)),
    };
    const { ask } = await open(late);
    await expect(checkFreshness(names, ask)).rejects.toThrow(/expected/);
  });

  it('shows what it answers, counts, and finds by resync what was not announced', async () => {
    const names = namesOf(1);
    const { dns, ask } = await open(names);
    await ask('web0.foo');
    expect(await dns.metrics()).toMatchObject({ queries: { udp: 1 }, answers: { NOERROR: 1 } });
    const [endpoint] = names.endpointsOf(foo.id);
    if (!endpoint) throw new Error('no endpoint');
    expect((await dns.lookupAs(endpoint.containerId, 'web0')).answers).toMatchObject([
      { address: '127.0.45.2', found: { nodeId: endpoint.nodeId, container: endpoint.containerName } },
    ]);
    expect(await dns.resync()).toEqual({ added: [], removed: [] });
    names.set(foo, [], false);
    expect((await dns.dump()).networks.find(({ name }) => name === 'foo')?.names).not.toEqual([]);
    expect((await dns.resync()).removed).toContain('web0.foo 127.0.45.2 (container web0)');
    expect((await dns.dump()).networks.find(({ name }) => name === 'foo')?.names).toEqual([]);
    await checkFreshness(names, ask);
  });

  it('refuses options that cannot be read, and hands on the log', async () => {
    const { lines } = await open(namesOf(1));
    await until(
      'the listener is logged',
      () => lines.join(''),
      (text) => /"msg":"dns: listening on 127\.0\.45\.1:\d+\/udp"/.test(text),
    );
    const wrong = new DnsThread({
      options: { listen: 'nonsense' },
      log: silentLogger,
      logLevel: 'info',
      sink: { write() {} },
    });
    cleanUps.push(() => wrong.close());
    await expect(wrong.start(namesOf(1))).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('is started again with its names and listeners when it ends', async () => {
    const workers: Worker[] = [];
    const note = (worker: Worker) => workers.push(worker);
    process.on('worker', note);
    cleanUps.push(() => process.off('worker', note));
    const names = namesOf(1);
    const { dns, ask } = await open(names);
    await workers[0]?.terminate();
    expect(await dns.status()).toEqual({ listeners: [], upstreams: [], degraded: true });
    names.set(foo, [makeEndpoint(foo, { name: 'meanwhile', ipv4: '127.0.45.77/24' })]);
    await until(
      'it listens again',
      () => dns.status(),
      ({ listeners }) => listeners.length === 1,
    );
    expect(await ask('meanwhile.foo')).toBe('127.0.45.77');
    expect(workers).toHaveLength(2);
    await checkFreshness(names, ask);
  });
});
