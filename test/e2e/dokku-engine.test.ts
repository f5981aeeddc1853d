import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineCluster } from '../rig/engine-cluster.ts';
import { until } from '../rig/until.ts';

/** Answers with the host name of its container; ends when it is told to, which busybox as process 1 would not. */
const server =
  'trap "exit 0" TERM; busybox mkdir -p /www; hostname > /www/index.html; busybox httpd -f -p $PORT -h /www & wait';
/** Resolves and requests some ten times a second. */
const client = 'while :; do wget -q -O - http://shop.web:5000/ || echo failed; busybox usleep 100000; done';
/** Where containers beside a daemon ask for names (docs/docker-engine.md). */
const resolver = '169.254.53.53';

/** Two hosts with a Docker Engine and a daemon each, and an overlay `mh`. */
describe('apps beside Docker Engines', () => {
  let cluster: EngineCluster;
  beforeAll(async () => {
    const flags = ['--dns-ttl', '0'];
    cluster = await EngineCluster.create({
      hosts: 2,
      store: 'etcd',
      flags,
      config: { dns: [resolver] },
    });
    await cluster.host(1).daemon.ok('network', 'create', '-d', 'overlay', 'mh');
    const known = () => cluster.host(2).dockerOk('network', 'ls', '--format', '{{.Name}}');
    await until('both Engines know it', known, (names) => names.split('\n').includes('mh'));
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const dokku = async (...words: string[]) => {
    const { code, stdout, stderr } = await cluster.host(1).daemon.run('dokku', ...words);
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    return stdout;
  };
  const docker = (...words: string[]) => cluster.host(1).dockerOk(...words);
  /** What a new container on host 2, and on the network, gets from there. */
  const get = async (name: string, host = 2, network = 'mh') => {
    const words = ['run', '--rm', '--network', network, 'busybox', 'sh', '-c'];
    const { stdout } = await cluster.host(host).docker(...words, `wget -q -O - http://${name}:5000/`);
    return stdout.trim();
  };
  /** As DNS has it, each row as `NETWORK NAME` and the addresses. */
  const names = async (app: string, host = 1) => {
    const [, ...rows] = (await cluster.host(host).daemon.ok('app', 'names', app)).split('\n');
    return rows.map((row) => {
      const [, network, name, addresses = ''] = row.split(/ +/);
      return [`${network} ${name}`, addresses.split(',').filter(Boolean)] as const;
    });
  };
  const holders = async (app: string, host = 1) => (await names(app, host))[0]?.[1] ?? [];
  const addressOf = (container: string, network = 'mh') =>
    docker('inspect', '-f', `{{.NetworkSettings.Networks.${network}.IPAddress}}`, container);

  it("make networks that are the Engine's, too", async () => {
    expect(await dokku('network:create', 'test-network')).toBe('-----> Creating network test-network\n');
    expect(await dokku('--quiet', 'network:list')).toBe('bridge\nhost\nmh\nnone\ntest-network\n');
    expect(await dokku('--quiet', 'network:list', '--dokku-managed')).toBe('test-network\n');
    const label = '{{index .Labels "com.dokku.network-name"}} {{.Attachable}}';
    expect(await docker('network', 'inspect', '-f', label, 'test-network')).toBe('test-network false');
    expect(await dokku('network:info', 'test-network')).toMatch(
      /^=====> test-network network information\n {7}ID: {13}[0-9a-f]{12}\n {7}Name: {11}test-network\n {7}Driver: {9}bridge\n/,
    );
    await docker('run', '-d', '--name', 'holder', '--network', 'test-network', 'busybox', 'sleep', '1d');
    expect(
      await cluster.host(1).daemon.run('dokku', '--force', 'network:destroy', 'test-network'),
    ).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^ ! {5}Unable to destroy network: Error response from daemon: .*holder/),
    });
    await docker('rm', '-f', 'holder');
    await dokku('--force', 'network:destroy', 'test-network');
    expect(await docker('network', 'ls', '--format', '{{.Name}}')).not.toContain('test-network');
  });

  describe('of a Dokku host: started by somebody else', () => {
    /** As Dokku's docker-local scheduler does. */
    const start = (dyno: string, ...more: string[]) =>
      docker(
        ...['run', '-d', '--name', `node-js-app.${dyno}`, '--label', `com.dokku.dyno=${dyno}`],
        ...['--label', 'com.dokku.app-name=node-js-app', '--label', 'com.dokku.container-type=deploy'],
        ...['--label', `com.dokku.process-type=${dyno.split('.')[0]}`, '--env', 'PORT=5000', ...more],
        ...['busybox', 'sh', '-c', server],
      );
    const hostname = (container: string) => docker('inspect', '-f', '{{.Config.Hostname}}', container);
    const count = (wanted: number) =>
      until(
        `${wanted} addresses`,
        () => holders('node-js-app'),
        (found) => found.length === wanted,
      );

    it('have their names on every host, in turn', async () => {
      await start('web.1', '--network', 'mh');
      await start('web.2', '--network', 'mh');
      await start('web.3');
      expect([...(await count(2))].sort()).toEqual([
        await addressOf('node-js-app.web.1'),
        await addressOf('node-js-app.web.2'),
      ]);
      const answers = [await get('node-js-app.web'), await get('node-js-app.web')];
      const want = [await hostname('node-js-app.web.1'), await hostname('node-js-app.web.2')];
      expect(answers.sort()).toEqual(want.sort());
      expect((await names('node-js-app')).map(([name]) => name)).toEqual(['mh node-js-app.web']);
      // Each has a name of its own below that.
      for (const own of want) expect(await get(`${own}.node-js-app.web`)).toBe(own);
    });

    it('are listed, and reported with their listeners', async () => {
      expect(await dokku('--quiet', 'apps:list')).toBe('node-js-app\n');
      const listeners = [
        `${await addressOf('node-js-app.web.1')}:5000`,
        `${await addressOf('node-js-app.web.2')}:5000`,
        `${await addressOf('node-js-app.web.3', 'bridge')}:5000`,
      ];
      expect(await dokku('network:report', 'node-js-app', '--network-web-listeners')).toBe(
        `${listeners.join(' ')}\n`,
      );
      for (const listener of listeners) {
        const { stdout } = await cluster.host(1).run('curl', '-sS', '-m', '5', `http://${listener}/`);
        expect(stdout).toMatch(/^[0-9a-f]{12}\n$/);
      }
      expect(await dokku('ps:report', 'node-js-app', '--processes')).toBe('3\n');
    });

    it('are named where they are put later, and in place when the tld is set', async () => {
      await docker('network', 'connect', 'mh', 'node-js-app.web.3');
      const before = [...(await count(3))].sort();
      await dokku('network:set', 'node-js-app', 'tld', 'internal');
      await dokku('network:rebuild', 'node-js-app');
      const [row] = await names('node-js-app');
      expect(row?.[0]).toBe('mh node-js-app.web.internal');
      expect([...(row?.[1] ?? [])].sort()).toEqual(before);
      expect(await get('node-js-app.web.internal')).toMatch(/^[0-9a-f]{12}$/);
    });

    it('keep their names through a restart of the daemon', async () => {
      const before = await names('node-js-app');
      await cluster.host(1).daemon.kill('SIGTERM');
      await cluster.host(1).daemon.start();
      expect(await names('node-js-app')).toEqual(before);
      // It has a record since something was set for it, which every host knows.
      expect(await names('node-js-app', 2)).toEqual(before);
    });

    it('lose them when Dokku retires them, and when they end', async () => {
      await docker('rename', 'node-js-app.web.1', 'node-js-app.web.1.1700000000');
      await count(2);
      await docker('rm', '-f', 'node-js-app.web.2');
      expect(await count(1)).toEqual([await addressOf('node-js-app.web.3')]);
      await docker('rm', '-f', 'node-js-app.web.1.1700000000', 'node-js-app.web.3');
    });
  });

  describe('deployed by us', () => {
    const webs = async () =>
      (await docker('ps', '--format', '{{.Names}}'))
        .split('\n')
        .filter((name) => name.startsWith('shop.web.'));
    const asked = async () => (await cluster.host(2).dockerOk('logs', 'client')).split('\n').filter(Boolean);

    it('answer in turn, on every host', async () => {
      await dokku('apps:create', 'shop');
      await dokku('network:set', 'shop', 'attach-post-create', 'mh');
      await dokku('ps:set', 'shop', 'web', '--image', 'busybox', '--', 'sh', '-c', server);
      await dokku('ps:scale', 'shop', 'web=3');
      await dokku('ps:rebuild', 'shop');
      expect((await webs()).sort()).toEqual(['shop.web.1', 'shop.web.2', 'shop.web.3']);
      const answers = [await get('shop.web'), await get('shop.web'), await get('shop.web')];
      const ids = await docker('ps', '-q', '--filter', 'label=com.dokku.app-name=shop');
      expect(answers.sort()).toEqual(ids.split('\n').sort());
      expect(await dokku('network:report', 'shop', '--network-web-listeners')).toMatch(
        /^(172\.17\.0\.\d+:5000 ){2}172\.17\.0\.\d+:5000\n$/,
      );
    });

    it('serve without a failure through two rebuilds and a scale', async () => {
      await cluster
        .host(2)
        .dockerOk('run', '-d', '--name', 'client', '--network', 'mh', 'busybox', 'sh', '-c', client);
      await until('an answer', asked, (lines) => lines.length > 0);
      const before = await holders('shop', 2);
      await dokku('ps:rebuild', 'shop');
      // From now on with a health check, until whose success an Engine's container has no name.
      await docker('create', '--name', 'checked', 'busybox', 'true');
      const check = 'HEALTHCHECK --interval=1s CMD busybox wget -q -O /dev/null http://127.0.0.1:5000';
      await docker('commit', '--change', check, 'checked', 'checked:1');
      await docker('rm', 'checked');
      await dokku('ps:set', 'shop', 'web', '--image', 'checked:1');
      await dokku('ps:rebuild', 'shop');
      await dokku('ps:scale', 'shop', 'web=5');
      const now = await holders('shop', 2);
      expect(now).toHaveLength(5);
      expect(now.filter((address) => before.includes(address))).toEqual([]);
      const already = (await asked()).length;
      await until(
        'all five',
        async () => new Set((await asked()).slice(already)).size,
        (seen) => seen === 5,
      );
      expect((await asked()).filter((line) => !/^[0-9a-f]{12}$/.test(line))).toEqual([]);
      expect((await asked()).length).toBeGreaterThan(50);
    });

    it('stay when a network is missing or the new ones end, with nothing left over', async () => {
      await dokku('ps:scale', 'shop', 'web=2');
      const before = await docker('ps', '-aq', '--no-trunc');
      await dokku('network:set', 'shop', 'attach-post-deploy', 'missing');
      const refused = async (stderr: unknown) => {
        expect(await cluster.host(1).daemon.run('dokku', 'ps:rebuild', 'shop')).toMatchObject({
          code: 1,
          stderr,
        });
        expect(await docker('ps', '-aq', '--no-trunc')).toBe(before);
      };
      await refused(' !     Network missing does not exist\n');
      await dokku('network:set', 'shop', 'attach-post-deploy');
      await dokku('ps:set', 'shop', 'web', '--', 'sh', '-c', 'echo no database; exit 4');
      await refused(
        ' !     App container shop.web.1 failed to start: it ended with exit code 4: no database\n',
      );
      await dokku('ps:set', 'shop', 'web', '--image', 'absent:1', '--', 'true');
      await refused(expect.stringMatching(/^ ! {5}No such image: absent:1\n$/));
      await dokku('ps:set', 'shop', 'web', '--image', 'busybox', '--', 'sh', '-c', server);
      expect((await asked()).filter((line) => line === 'failed')).toEqual([]);
      await cluster.host(2).dockerOk('rm', '-f', 'client');
    });

    it('run one-off commands on the networks, with their output and exit code', async () => {
      const words = [
        'run',
        '-e',
        'WORD=hello',
        'shop',
        'sh',
        '-c',
        'echo $WORD $PORT; busybox usleep 300000; wget -q -O - http://shop.web:5000; exit 3',
      ];
      expect(await cluster.host(1).daemon.run('dokku', ...words)).toEqual({
        code: 3,
        stdout: expect.stringMatching(/^hello 5000\n[0-9a-f]{12}\n$/),
        stderr: '',
      });
      expect(await docker('ps', '-a', '--format', '{{.Names}}')).not.toContain('.run.');
      await dokku('ps:set', 'shop', 'build', '--image', 'busybox', '--', 'sh', '-c', 'echo broken; exit 5');
      const built = await cluster.host(1).daemon.run('dokku', 'ps:rebuild', 'shop');
      expect(built).toMatchObject({ code: 1, stderr: ' !     Build failed with exit code 5: broken\n' });
      await dokku('ps:set', 'shop', 'build', '--', 'true');
    });

    it("are named on the Engine's own networks too, and bound to all interfaces", async () => {
      await docker('network', 'create', 'own');
      await dokku('network:set', 'shop', 'attach-post-deploy', 'own');
      await dokku('network:set', 'shop', 'bind-all-interfaces', 'true');
      await dokku('ps:scale', 'shop', 'web=1');
      expect(await dokku('ps:rebuild', 'shop')).toContain('-----> Associating app with network own\n');
      expect((await names('shop')).map(([name]) => name)).toEqual(['mh shop.web', 'own shop.web']);
      const [id] = (await docker('ps', '-q', '--filter', 'name=shop.web.1')).split('\n');
      expect(await get('shop.web', 1, 'own')).toBe(id);
      expect(await get(`${id}.shop.web`, 1, 'own')).toBe(id);
      const [, port] = /^0\.0\.0\.0:(\d+)/m.exec(await docker('port', 'shop.web.1', '5000/tcp')) ?? [];
      expect((await cluster.host(1).run('curl', '-sS', '-m', '5', `http://127.0.0.1:${port}/`)).stdout).toBe(
        `${id}\n`,
      );
    });

    it('go with their app', async () => {
      await dokku('--force', 'apps:destroy', 'shop');
      expect(await docker('ps', '-aq')).toBe('');
      expect(await cluster.host(1).daemon.run('fairlead', 'app', 'names', 'shop')).toMatchObject({ code: 1 });
    });
  });
});
