import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { steadyClient as client, slowServer as server } from '../rig/app-programs.ts';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';

/** Apps with real programs in a throwaway namespace that plays the host. */
describe('apps in the sandbox mode', () => {
  let host: TestHost;
  let daemon: TestDaemon;

  beforeAll(async () => {
    host = await TestHost.create();
    daemon = await TestDaemon.start({
      namespace: host.path,
      flags: ['--dataplane', 'linux', '--dns-listen', 'none', '--dns-ttl', '1'],
    });
    await dokku('network:create', 'test-network');
    await dokku('apps:create', 'node-js-app');
    await dokku('apps:create', 'other');
    for (const app of ['node-js-app', 'other'])
      await dokku('network:set', app, 'attach-post-create', 'test-network');
    await dokku('ps:set', 'node-js-app', 'web', '--', process.execPath, '-e', server);
    await dokku('ps:scale', 'node-js-app', 'web=3');
    await dokku('ps:rebuild', 'node-js-app');
    await aim('node-js-app.web');
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const dokku = async (...words: string[]) => {
    const { code, stdout, stderr } = await daemon.run('dokku', ...words);
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    return stdout;
  };
  /** The worker of the other app asks for this name from now on. */
  const aim = async (target: string) => {
    const program = ['--env', `TARGET=${target}`, '--', process.execPath, '-e', client];
    await dokku('ps:set', 'other', 'worker', ...program);
    await dokku('ps:scale', 'other', 'web=0', 'worker=1');
    await dokku('ps:rebuild', 'other');
  };
  const answers = async () => (await daemon.ok('logs', 'other.worker.1')).split('\n').filter(Boolean);
  const pids = async () =>
    (await daemon.ok('inspect', '-f', '{{.State.Pid}}', ...(await webs()))).split('\n').sort();
  const webs = async () =>
    (await daemon.ok('ps', '--format', '{{.Names}}'))
      .split('\n')
      .filter((name) => /app\.web\.\d$/.test(name));
  /** As `fairlead app names` has them. */
  const addresses = async () => {
    const [, row = ''] = (await daemon.ok('app', 'names', 'node-js-app')).split('\n');
    return (row.split(/ +/).at(-1) ?? '').split(',').sort();
  };
  const seen = async () => [...new Set(await answers())].sort();

  it('http://node-js-app.web:5000 is answered by each of three containers in turn', async () => {
    expect(await webs()).toHaveLength(3);
    const want = (await addresses()).map((address) => `ok ${address}`);
    expect(await until('all three', seen, (all) => all.length >= 3)).toEqual(want);
    const turns = (await until('nine answers', answers, (all) => all.length >= 9)).slice(0, 9);
    for (const answer of want) expect(turns.filter((one) => one === answer)).toHaveLength(3);
  });

  it('HOSTNAME.node-js-app.web is one of them alone', async () => {
    for (const web of await webs()) {
      const [id = '', own = ''] = (
        await daemon.ok(
          'inspect',
          '-f',
          '{{.Config.Hostname}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}',
          web,
        )
      ).split(' ');
      const found = await dokku('run', 'other', 'getent', 'ahostsv4', `${id}.node-js-app.web`);
      expect(found.split(/\s+/)[0]).toMatch(/^172\.18\.0\.\d+$/);
      const answer = await dokku(
        'run',
        'other',
        'curl',
        '-sS',
        '-m',
        '5',
        `http://${id}.node-js-app.web:5000`,
      );
      expect({ own, answer }).toEqual({ own, answer: found.split(/\s+/)[0] });
    }
  });

  it('and so it is for curl, in one container or in a new one each time', async () => {
    const want = await addresses();
    const loop = 'for i in 1 2 3 4 5 6; do curl -sS -m 5 http://node-js-app.web:5000; echo; done';
    const six = (await dokku('run', 'other', 'sh', '-c', loop)).trim().split('\n');
    // The worker asks meanwhile: each has its own turns.
    expect(six.sort()).toEqual([...want, ...want].sort());
    expect(await dokku('run', 'other', 'getent', 'ahostsv4', 'node-js-app.web')).toMatch(
      /^(172\.18\.0\.\d+) +STREAM .*\n\1 +DGRAM.*\n\1 +RAW.*\n$/,
    );
    await dokku('ps:scale', 'other', 'worker=0');
    const fresh = [];
    for (let n = 0; n < 3; n++)
      fresh.push(await dokku('run', 'other', 'curl', '-sS', '-m', '5', 'http://node-js-app.web:5000'));
    expect(fresh.sort()).toEqual(want);
    await dokku('ps:scale', 'other', 'worker=1');
  });

  it('gives them all to who asks with EDNS, and to everybody with --dns-policy rotate', async () => {
    const digs = async (...words: string[]) =>
      (await dokku('run', 'other', 'dig', '+short', ...words, 'node-js-app.web')).trim().split('\n').sort();
    expect(await digs()).toEqual(await addresses());
    expect(await digs('+noedns')).toHaveLength(1);
    const words = ['ps:set', 'node-js-app', 'web', '--dns-policy'];
    await dokku(...words, 'rotate');
    await dokku('network:rebuild', 'node-js-app');
    expect(await digs('+noedns')).toEqual(await addresses());
    await dokku(...words, 'turn');
    await dokku('network:rebuild', 'node-js-app');
    expect(await daemon.run('dokku', ...words, 'random')).toMatchObject({
      code: 1,
      stderr: ' !     Invalid DNS policy "random", use one of rotate, turn, ordered, sticky\n',
    });
  });

  it('serves without a failure through two rebuilds and a scale', async () => {
    const before = await pids();
    await dokku('ps:rebuild', 'node-js-app');
    await dokku('ps:rebuild', 'node-js-app');
    await dokku('ps:scale', 'node-js-app', 'web=5');
    const now = await pids();
    expect(now).toHaveLength(5);
    expect(now.filter((pid) => before.includes(pid))).toEqual([]);
    const asked = (await answers()).length;
    await until(
      'all five',
      async () => new Set((await answers()).slice(asked)).size,
      (count) => count >= 5,
    );
    const all = await answers();
    expect(all.filter((line) => !line.startsWith('ok '))).toEqual([]);
    expect(all.length).toBeGreaterThan(50);
  });

  it('answers as node-js-app.web.svc.cluster.local after the tld is set and the app rebuilt', async () => {
    await dokku('network:set', 'node-js-app', 'tld', 'svc.cluster.local');
    await dokku('ps:rebuild', 'node-js-app');
    await aim('node-js-app.web.svc.cluster.local');
    const want = (await addresses()).map((address) => `ok ${address}`);
    expect(await until('all five', seen, (all) => all.length >= 5)).toEqual(want);
    expect(
      (await daemon.run('fairlead', 'exec', 'other.worker.1', 'getent', 'hosts', 'node-js-app.web')).code,
    ).toBe(2);
  });

  it('has real listeners in the report', async () => {
    const listeners = (await dokku('network:report', 'node-js-app', '--network-web-listeners'))
      .trim()
      .split(' ');
    expect(listeners).toHaveLength(5);
    for (const listener of listeners)
      expect((await daemon.inHost('curl', '-sS', '-m', '5', `http://${listener}/`)).stdout).toBe(
        listener.split(':')[0],
      );
  });

  it('runs one-off commands on the networks, with their output and exit code', async () => {
    const found = await daemon.run('dokku', 'run', 'node-js-app', 'getent', 'hosts', 'other.worker');
    expect(found).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^172\.18\.0\.\d+ +other\.worker\n$/),
    });
    const ended = await daemon.run(
      'dokku',
      'run',
      '-e',
      'WORD=hello',
      'node-js-app',
      'sh',
      '-c',
      'echo $WORD $PORT; exit 3',
    );
    expect(ended).toEqual({ code: 3, stdout: 'hello 5000\n', stderr: '' });
    expect(await daemon.ok('ps', '-a', '--format', '{{.Names}}')).not.toContain('.run.');
  });

  it('leaves the old containers serving when a network is missing or the new ones do not start, and nothing else', async () => {
    const before = await daemon.ok('ps', '-aq', '--no-trunc');
    await dokku('network:set', 'node-js-app', 'attach-post-deploy', 'missing-network');
    expect(await daemon.run('dokku', 'ps:rebuild', 'node-js-app')).toEqual({
      code: 1,
      stdout: '-----> Rebuilding node-js-app\n',
      stderr: ' !     Network missing-network does not exist\n',
    });
    await dokku('network:set', 'node-js-app', 'attach-post-deploy');
    expect(await daemon.ok('ps', '-aq', '--no-trunc')).toBe(before);
    await dokku('ps:set', 'node-js-app', 'web', '--', 'sh', '-c', 'echo no database; exit 4');
    const { code, stderr } = await daemon.run('dokku', 'ps:rebuild', 'node-js-app');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        ' !     App container node-js-app.web.1 failed to start: it ended with exit code 4: no database\n',
    });
    expect(await daemon.ok('ps', '-aq', '--no-trunc')).toBe(before);
    const asked = (await answers()).length;
    await until(
      'more answers',
      async () => (await answers()).length,
      (count) => count > asked + 10,
    );
    expect((await answers()).filter((line) => !line.startsWith('ok '))).toEqual([]);
  });

  it('builds before it deploys, and does not deploy what was not built', async () => {
    await dokku('ps:set', 'node-js-app', 'web', '--', process.execPath, '-e', server);
    await dokku(
      'ps:set',
      'node-js-app',
      'build',
      '--',
      'sh',
      '-c',
      'getent hosts other.worker || exit 9; exit 5',
    );
    const { code, stderr } = await daemon.run('dokku', 'ps:rebuild', 'node-js-app');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^ ! {5}Build failed with exit code 5: 172\.18\.0\.\d+ +other\.worker\n$/,
      ),
    });
    await dokku('ps:set', 'node-js-app', 'build', '--', 'true');
    expect(await dokku('ps:rebuild', 'node-js-app')).toContain('-----> Building node-js-app\n');
    expect(await daemon.ok('ps', '-a', '--format', '{{.Names}}')).not.toContain('.build.');
  });
});
