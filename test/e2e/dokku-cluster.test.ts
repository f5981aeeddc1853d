import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostCluster } from '../rig/host-cluster.ts';
import { until } from '../rig/until.ts';

const server = `require('http').createServer((_, answer) => answer.end('here')).listen(process.env.PORT)`;

/** Apps are records of the KV store; each host runs the containers that it deployed. */
describe('apps on two hosts that share an etcd', () => {
  let cluster: HostCluster;
  beforeAll(async () => {
    cluster = await HostCluster.create({ hosts: 2, store: 'etcd', flags: ['--dns-ttl', '0'] });
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const dokku = async (host: number, ...words: string[]) => {
    const { code, stdout, stderr } = await cluster.daemon(host).run('dokku', ...words);
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    return stdout;
  };

  it('an app on one host reaches app.web on the other over an overlay', async () => {
    await cluster.daemon(1).ok('network', 'create', '-d', 'overlay', 'multi');
    await dokku(2, 'apps:create', 'app');
    await dokku(2, 'network:set', '--global', 'attach-post-create', 'multi');
    await dokku(2, 'ps:set', 'app', 'web', '--', process.execPath, '-e', server);
    await dokku(2, 'ps:rebuild', 'app');

    expect(await dokku(1, '--quiet', 'apps:list')).toBe('app\n');
    expect(await dokku(1, 'network:report', 'app', '--network-computed-attach-post-create')).toBe('multi\n');
    await dokku(1, 'apps:create', 'asker');
    const ask = () =>
      cluster.daemon(1).run('dokku', 'run', 'asker', 'curl', '-sS', '-m', '5', 'http://app.web:5000/');
    const { code, stdout } = await until('an answer', ask, ({ code }) => code === 0, 30_000);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'here' });
    expect(await cluster.daemon(1).ok('app', 'names', 'app')).toMatch(
      /\nweb +multi +app\.web +10\.0\.0\.\d+$/,
    );
  });

  it('is deployed by each host for itself, under one name', async () => {
    await dokku(1, 'ps:rebuild', 'app');
    const names = () => cluster.daemon(2).ok('app', 'names', 'app');
    expect(await until('both', names, (text) => text.includes(','))).toMatch(/ 10\.0\.0\.\d+,10\.0\.0\.\d+$/);
    await dokku(2, '--force', 'apps:destroy', 'app');
    expect(await cluster.daemon(2).ok('ps', '-aq')).toBe('');
    // What the other host has of it is its own to take.
    await dokku(1, '--force', 'apps:destroy', 'app');
    expect(await cluster.daemon(1).ok('ps', '-aq')).toBe('');
  });
});
