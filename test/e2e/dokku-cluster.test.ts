import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slowServer, steadyClient } from '../rig/app-programs.ts';
import { HostCluster } from '../rig/host-cluster.ts';
import { until } from '../rig/until.ts';

/** Apps are records of the KV store; each host runs the containers that it deployed. */
describe('apps on two hosts that share an etcd', () => {
  let cluster: HostCluster;
  beforeAll(async () => {
    cluster = await HostCluster.create({ hosts: 2, store: 'etcd', flags: ['--dns-ttl', '0'] });
    await cluster.daemon(1).ok('network', 'create', '-d', 'overlay', 'multi');
    await dokku(1, 'network:set', '--global', 'attach-post-create', 'multi');
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const dokku = async (host: number, ...words: string[]) => {
    const { code, stdout, stderr } = await cluster.daemon(host).run('dokku', ...words);
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    return stdout;
  };
  /** Of the client on host 1. */
  const answers = async () =>
    (await cluster.daemon(1).ok('logs', 'asker.worker.1')).split('\n').filter(Boolean);
  const failures = async () => (await answers()).filter((line) => !line.startsWith('ok '));
  const addresses = async (host: number) => {
    const row = (await cluster.daemon(host).ok('app', 'names', 'app')).split('\n')[1] ?? '';
    expect(row).toMatch(/^web +multi +app\.web +10\.0\.0\.\S+$/);
    return (row.split(/ +/).at(-1) ?? '').split(',').sort();
  };
  const seenSince = async (asked: number) => [...new Set((await answers()).slice(asked))].sort();
  const answeredByAll = async (host: number) => {
    const want = (await addresses(host)).map((address) => `ok ${address}`);
    const asked = (await answers()).length;
    await until(
      'all of them',
      () => seenSince(asked),
      (seen) => seen.length >= want.length,
      30_000,
    );
    expect(await seenSince(asked)).toEqual(want);
  };

  it('an app on one host reaches app.web on the other over an overlay', async () => {
    await dokku(2, 'apps:create', 'app');
    await dokku(2, 'ps:set', 'app', 'web', '--', process.execPath, '-e', slowServer);
    await dokku(2, 'ps:scale', 'app', 'web=2');
    await dokku(2, 'ps:rebuild', 'app');
    expect(await dokku(1, '--quiet', 'apps:list')).toBe('app\n');
    expect(await dokku(1, 'network:report', 'app', '--network-computed-attach-post-create')).toBe('multi\n');

    await dokku(1, 'apps:create', 'asker');
    const program = ['--env', 'TARGET=app.web', '--', process.execPath, '-e', steadyClient];
    await dokku(1, 'ps:set', 'asker', 'worker', ...program);
    await dokku(1, 'ps:scale', 'asker', 'web=0', 'worker=1');
    await dokku(1, 'ps:rebuild', 'asker');
    await until('an answer', answers, (lines) => lines.some((line) => line.startsWith('ok ')), 30_000);
    await answeredByAll(1);
  });

  it('serves the other host without a failure through two rebuilds and a scale', async () => {
    const before = (await answers()).length;
    const old = await addresses(1);
    await dokku(2, 'ps:rebuild', 'app');
    await dokku(2, 'ps:rebuild', 'app');
    await dokku(2, 'ps:scale', 'app', 'web=5');
    const now = await addresses(1);
    expect(now).toHaveLength(5);
    expect(now.filter((address) => old.includes(address))).toEqual([]);
    await answeredByAll(1);
    expect(await failures()).toEqual([]);
    expect((await answers()).length - before).toBeGreaterThan(50);
  });

  it('leaves the old containers serving when a network is missing, whoever set it', async () => {
    await dokku(1, 'network:set', 'app', 'attach-post-deploy', 'missing');
    expect(await cluster.daemon(2).run('dokku', 'ps:rebuild', 'app')).toMatchObject({
      code: 1,
      stderr: ' !     Network missing does not exist\n',
    });
    await dokku(1, 'network:set', 'app', 'attach-post-deploy');
    await answeredByAll(1);
    expect(await failures()).toEqual([]);
  });

  it('is deployed by each host for itself, under one name', async () => {
    await dokku(1, 'ps:scale', 'app', 'web=1');
    await dokku(1, 'ps:rebuild', 'app');
    expect(
      await until(
        'six',
        () => addresses(2),
        (all) => all.length === 6,
      ),
    ).toEqual(await addresses(1));
    await answeredByAll(2);
    expect(await failures()).toEqual([]);
    await dokku(2, '--force', 'apps:destroy', 'app');
    expect(await cluster.daemon(2).ok('ps', '-aq')).toBe('');
    // What the other host has of it is its own to take.
    expect((await addresses(1)).length).toBe(1);
    await dokku(1, '--force', 'apps:destroy', 'app');
    expect(await cluster.daemon(1).ok('ps', '-a', '--format', '{{.Names}}')).toBe('asker.worker.1');
  });
});
