import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../kvstore/open.ts';
import { type Certificates, makeCertificates } from '../rig/certificates.ts';
import { Cluster } from '../rig/cluster.ts';
import { startConsul } from '../rig/consul.ts';
import { TestDaemon } from '../rig/daemon.ts';
import { startEtcd } from '../rig/etcd.ts';
import { startProxy } from '../rig/proxy.ts';
import { freePorts } from '../rig/server.ts';
import { storeKinds } from '../rig/stores.ts';
import { until } from '../rig/until.ts';

const usual = ['--dataplane', 'simulated', '--dns-listen', 'none', '--node-name', 'h1'];
const logLines = (daemon: TestDaemon, text: string) =>
  daemon.output.split('\n').filter((line) => line.includes(text));

/** What a person is told who wants something global; one line. */
async function refusal(daemon: TestDaemon): Promise<string> {
  const { code, stdout, stderr } = await daemon.run('fairlead', 'network', 'create', '-d', 'overlay', 'x');
  expect([code, stdout, stderr.trimEnd().split('\n').length]).toEqual([1, '', 1]);
  return stderr.trimEnd();
}

async function localWorks(daemon: TestDaemon): Promise<void> {
  await daemon.ok('network', 'create', '-d', 'bridge', 'mine');
  await daemon.ok('run', '-d', '--name', 'c1', '--net', 'mine', 'x');
  await daemon.ok('rm', '-f', 'c1');
  await daemon.ok('network', 'rm', 'mine');
}

describe('a daemon whose store is away at the start', () => {
  it.concurrent.each(['refuse', 'freeze'] as const)(
    'serves local networks, and joins when it comes: %s',
    async (how) => {
      await using etcd = await startEtcd();
      await using wire = await startProxy(etcd.port);
      wire[how]();
      const store = ['--kv-store', `etcd:127.0.0.1:${wire.port}`, '--default-network', 'overlay:multihost'];
      await using daemon = await TestDaemon.start({ flags: [...usual, ...store] });
      await localWorks(daemon);
      const away =
        /kv store etcd:127\.0\.0\.1:\d+ (is unreachable since \S+: \S|cannot be used: this node is about to join)/;
      expect(await refusal(daemon)).toMatch(away);
      const { code, stderr } = await daemon.run('fairlead', 'run', '-d', 'x');
      expect([code, stderr]).toEqual([125, expect.stringMatching(away)]);
      await until(
        'it says so',
        () => daemon.ok('info'),
        (text) => /Store: etcd:\S+ \(degraded, data \d+ s old: unreachable since/.test(text),
      );

      wire.heal();
      const look = async () => (await daemon.call('GET', '/networks/multihost')).text;
      const made = await until(
        'the default network',
        look,
        (text) => text.includes('"Scope":"global"'),
        30_000,
      );
      expect(made).toContain('"Driver":"overlay"');
      await daemon.ok('run', '-d', '--name', 'c2', 'x');
      expect((await daemon.call('GET', '/networks/multihost')).text).toContain('"Name":"c2"');
      expect(await daemon.ok('node', 'ls', '--format', '{{.Name}} {{.Self}}')).toBe('h1 true');
    },
  );

  it.concurrent.each(storeKinds)(
    'keeps its containers on networks that it does not know yet: $provider',
    async (kind) => {
      await using cluster = await Cluster.start({ kind, nodes: 1 });
      const node = cluster.node(1);
      await node.createNetwork('bar');
      const address = await node.runOn('bar', 'web');
      await node.runOn('bridge', 'back');
      expect((await node.attach(await node.publish('db', 'bar'), 'back')).status).toBe(200);
      const serviceAddress = await node.addressOf('back', 'bar');
      await node.daemon.kill('SIGKILL');
      await cluster.running.server.stop();
      await node.daemon.start();
      await localWorks(node.daemon);
      await cluster.running.server.start();
      await node.resolves(address, 'web', [address], 30_000);
      await node.resolves(address, 'db', [serviceAddress], 30_000);
      expect(await node.addressOf('web', 'bar')).toBe(address);
      expect(logLines(node.daemon, 'detached')).toEqual([]);
    },
  );
});

describe('a store that cannot be used', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates?.[Symbol.asyncDispose]());

  it('nobody listens, a wrong token, a wrong authority: one clear line each, local networks work', async () => {
    await using consul = await startConsul({ masterToken: 'right' });
    await using etcd = await startEtcd({ tls: certificates.server });
    const [nobody] = await freePorts(1);
    const { otherCa, client } = certificates;
    const tls = [
      '--kv-store-opt',
      `cacertfile=${otherCa}`,
      '--kv-store-opt',
      `certfile=${client.cert}`,
      '--kv-store-opt',
      `keyfile=${client.key}`,
    ];
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['--kv-store', `consul:127.0.0.1:${nobody}`], /ECONNREFUSED/],
      [
        ['--kv-store', consul.url, '--kv-store-opt', 'token=wrong'],
        /permission denied: check the token in --kv-store-opt/,
      ],
      [['--kv-store', etcd.url, ...tls], /certificate|self.signed|verif/i],
    ];
    for (const [flags, reason] of cases) {
      await using daemon = await TestDaemon.start({ flags: [...usual, ...flags] });
      await localWorks(daemon);
      await until(
        'the reason is known',
        () => refusal(daemon),
        (text) => reason.test(text),
        15_000,
      );
      expect(await daemon.ok('info')).toMatch(reason);
      await until(
        'it is logged once',
        () => logLines(daemon, 'degraded, names and local').length,
        (count) => count === 1,
      );
      expect(daemon.output).not.toContain('wrong');
    }
  });

  it.each([
    ['etcd', /expected etcd:localhost:2379/],
    ['consul:', /kv.store/i],
    ['redis:localhost:6379', /unknown kv store provider "redis": use one of consul, etcd, zookeeper/],
    ['etcd:localhost:99999', /port/i],
  ])('--kv-store=%s is a usage error of one line', async (value, expected) => {
    const start = TestDaemon.start({ flags: [...usual, `--kv-store=${value}`] });
    const message = await start.then(
      () => 'it started',
      (error: Error) => error.message,
    );
    expect(message).toMatch(/^the daemon ended with 125:\n/);
    expect(message).toMatch(expected);
  });

  it('a newer schema: refused with both versions, while local networks work', async () => {
    await using etcd = await startEtcd();
    const store = await openStore(etcd.url, {});
    await store.commit([], [{ op: 'put', key: 'meta/schema', value: '2' }]);
    await using daemon = await TestDaemon.start({ flags: [...usual, '--kv-store', etcd.url] });
    await localWorks(daemon);
    expect(logLines(daemon, 'cannot be used')).toHaveLength(1);
    const words = 'have schema 2, and this fairlead knows 1: use a newer fairlead';
    expect(await refusal(daemon)).toMatch(new RegExp(`kv store ${etcd.url} cannot be used: .*${words}$`));
    expect(await daemon.ok('info')).toContain(words);
    expect((await store.list('networks/')).length).toBe(0);
    // Put right, it joins by itself.
    await store.commit([], [{ op: 'put', key: 'meta/schema', value: '1' }]);
    await until(
      'a global network',
      () => daemon.run('fairlead', 'network', 'create', '-d', 'overlay', 'x'),
      ({ code }) => code === 0,
    );
    await store.close();
  });
});

describe('records that do not decode', () => {
  it('are named and skipped, and all others go on', async () => {
    await using etcd = await startEtcd();
    const store = await openStore(etcd.url, {});
    const id = 'f'.repeat(64);
    const garbage = [
      `networks/${id}`,
      `services/${id}/x`,
      `nodes/${id}`,
      `vnis/8388608`,
      `network-names/odd`,
    ];
    for (const [i, key] of garbage.entries()) {
      await store.commit([], [{ op: 'put', key, value: i % 2 === 0 ? '{"half":' : '{"id":7}' }]);
    }
    await using daemon = await TestDaemon.start({ flags: [...usual, '--kv-store', etcd.url] });
    const network = await daemon.ok('network', 'create', '-d', 'overlay', 'bar');
    await store.commit(
      [],
      [
        { op: 'put', key: `endpoints/${network}/${id}`, value: 'null' },
        { op: 'put', key: `addresses/${network}/10.0.0.2`, value: 'what' },
        { op: 'put', key: `cursors/${network}/${id}`, value: '[' },
      ],
    );
    await daemon.ok('run', '-d', '--name', 'c1', '--net', 'bar', 'x');
    await daemon.ok('service', 'publish', 'db.bar');
    expect(await daemon.ok('service', 'ls', '--format', '{{.Name}}.{{.Network}}')).toBe('db.bar');
    expect(await daemon.ok('node', 'ls', '--format', '{{.Name}}')).toBe('h1');
    for (const key of [...garbage.slice(0, 3), `endpoints/${network}/${id}`]) {
      expect(logLines(daemon, `skipping ${key}: not a valid record (`)).toHaveLength(1);
    }
    await store.commit([], [{ op: 'put', key: 'subnets', value: '"no"' }]);
    expect(await refusal(daemon)).toMatch(/the record subnets in the kv store is not valid \(.+\)$/);
    await store.close();
  });
});
