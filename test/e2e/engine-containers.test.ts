import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineAlone } from '../rig/engine-alone.ts';
import type { EngineHost } from '../rig/engine-host.ts';
import { until } from '../rig/until.ts';

const sleeps = ['busybox', 'sleep', '1000000'];

describe('beside one Docker Engine', { timeout: 120_000 }, () => {
  let rig: EngineAlone;
  let host: EngineHost;

  beforeAll(async () => {
    rig = await EngineAlone.create();
    host = rig.host;
    await host.daemon.ok('network', 'create', '-d', 'overlay', 'mh');
    await host.dockerOk('run', '-d', '--network', 'mh', '--name', 'asker', ...sleeps);
  }, 120_000);
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  /** Who has the name in DNS: network and address of each. */
  const owners = async (name: string) => {
    const rows = (await host.daemon.ok('dns', 'dump')).split('\n').map((row) => row.split(/\s{2,}/));
    return rows.flatMap(([known, network, address]) => (known === name ? [`${network} ${address}`] : []));
  };
  const addressOf = (container: string, network = 'mh') =>
    host.dockerOk('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container);
  const answers = (name: string, expected: readonly string[]) =>
    until(
      `who ${name} is`,
      () => owners(name),
      (found) => found.join() === expected.join(),
    );
  /** By our resolver, past the Engine's own names. */
  const resolves = async (name: string) =>
    (await host.docker('exec', 'asker', 'nslookup', name, '169.254.53.53')).code === 0;

  it('has the containers in DNS as long as they run, under the names that they have', async () => {
    await host.dockerOk('run', '-d', '--network', 'mh', '--network-alias', 'w', '--name', 'web', ...sleeps);
    const first = await addressOf('web');
    await answers('web', [`mh ${first}`]);
    expect(await owners('w')).toEqual([`mh ${first}`]);
    expect(await resolves('web.mh')).toBe(true);

    await host.dockerOk('stop', '-t0', 'web');
    await answers('web', []);
    expect(await resolves('web')).toBe(false);

    await host.dockerOk('start', 'web');
    await answers('web', [`mh ${await addressOf('web')}`]);

    await host.dockerOk('rename', 'web', 'shop');
    await answers('shop', [`mh ${await addressOf('shop')}`]);
    expect(await owners('web')).toEqual([]);
    expect(await owners('w')).toEqual([`mh ${await addressOf('shop')}`]);

    await host.dockerOk('rm', '-f', 'shop');
    await answers('shop', []);
  });

  it('shows a name at once when the container has been put on the network', async () => {
    await host.dockerOk('run', '-d', '--name', 'late', ...sleeps);
    await host.dockerOk('network', 'connect', '--alias', 'belated', 'mh', 'late');
    const begun = performance.now();
    await answers('belated', [`mh ${await addressOf('late')}`]);
    process.stdout.write(
      `a name after connect: ${Math.round(performance.now() - begun)} ms, two CLI calls included\n`,
    );
    await host.dockerOk('network', 'disconnect', 'mh', 'late');
    await answers('belated', []);
    await host.dockerOk('rm', '-f', 'late');
  });

  it('withholds a container from DNS until its health check succeeds, and while it fails', async () => {
    const check = ['--health-cmd', 'read x < /state && [ "$x" = ok ]', '--health-interval', '200ms'];
    await host.dockerOk(
      'run',
      '-d',
      '--network',
      'mh',
      '--name',
      'sick',
      ...check,
      '--health-retries',
      '1',
      ...sleeps,
    );
    await until('it is known', async () =>
      (await host.daemon.ok('dns', 'dump')).includes('withheld: unhealthy'),
    );
    expect(await owners('sick')).toEqual([]);
    await host.dockerOk('exec', 'sick', 'sh', '-c', 'echo ok > /state');
    await answers('sick', [`mh ${await addressOf('sick')}`]);
    await host.dockerOk('exec', 'sick', 'sh', '-c', 'echo bad > /state');
    await answers('sick', []);
    await host.dockerOk('rm', '-f', 'sick');
  });

  it('keeps a service with its container through restarts, and lets another have it when it is down', async () => {
    await host.daemon.ok('service', 'publish', 'db.mh');
    for (const name of ['pg1', 'pg2']) await host.dockerOk('run', '-d', '--name', name, ...sleeps);
    await host.daemon.ok('service', 'attach', 'pg1', 'db.mh');
    const [address] = await until(
      'db',
      () => owners('db'),
      ({ length }) => length === 1,
    );
    expect(`mh ${await addressOf('pg1')}`).toBe(address);
    await host.dockerOk('restart', '-t0', 'pg1');
    await answers('db', [address ?? '']);
    expect(await provider()).toBe(await shortIdOf('pg1'));

    const { code, stderr } = await host.daemon.run('fairlead', 'service', 'attach', 'pg2', 'db.mh');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('has already joined the endpoint of service db'),
    ]);

    await host.dockerOk('stop', '-t0', 'pg1');
    await answers('db', []);
    expect(await provider()).toBe('');
    await host.daemon.ok('service', 'attach', 'pg2', 'db.mh');
    await answers('db', [address ?? '']);
    // It has lost the service, and starts all the same.
    await host.dockerOk('start', 'pg1');
    expect(await provider()).toBe(await shortIdOf('pg2'));
    await host.daemon.ok('service', 'detach', 'pg2', 'db.mh');
    await host.daemon.ok('service', 'unpublish', 'db.mh');
    await host.dockerOk('rm', '-f', 'pg1', 'pg2');
  });

  it('gives a container its own place back when the service is taken from it', async () => {
    await host.daemon.ok('service', 'publish', 'api.mh');
    await host.dockerOk('run', '-d', '--network', 'mh', '--network-alias', 'a1', '--name', 'app', ...sleeps);
    const own = await addressOf('app');
    await host.daemon.ok('service', 'attach', 'app', 'api.mh');
    const [service] = await until(
      'api',
      () => owners('api'),
      ({ length }) => length === 1,
    );
    expect(service).not.toBe(`mh ${own}`);
    expect(await owners('app')).toEqual([service]);
    expect(await owners('a1')).toEqual([service]);
    await host.daemon.ok('service', 'detach', 'app', 'api.mh');
    await answers('api', []);
    await answers('a1', [`mh ${await addressOf('app')}`]);
    await host.daemon.ok('service', 'unpublish', 'api.mh');
    await host.dockerOk('rm', '-f', 'app');
  });

  it('does what a connect at its socket asks for, links and the default route; on a service’s place, too', async () => {
    await host.dockerOk('run', '-d', '--name', 'linked', ...sleeps);
    const connect = (EndpointConfig: object) =>
      host.daemon.call('POST', '/networks/mh/connect', { Container: 'linked', EndpointConfig });
    // Engine 28.5 answers 200, and gives it another one.
    expect(await connect({ MacAddress: '02:00:00:00:00:77' })).toEqual({
      status: 501,
      text: expect.stringContaining('a Docker Engine takes no MAC address for a connect'),
    });
    expect(await connect({ Links: ['asker:store'], GwPriority: 7 })).toEqual({ status: 200, text: '' });
    const format = '{{with .NetworkSettings.Networks.mh}}{{.Links}} {{.GwPriority}}{{end}}';
    const holds = async () => {
      expect(await host.dockerOk('inspect', '-f', format, 'linked')).toBe('[asker:store] 7');
      const gateway = await host.daemon.ok(
        ...['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'mh'],
      );
      expect(await host.dockerOk('exec', 'linked', 'ip', 'route')).toContain(`default via ${gateway} `);
      for (const server of [[], ['169.254.53.53']])
        await until(
          `the link, asked of ${server}`,
          async () => (await host.docker('exec', 'linked', 'nslookup', 'store', ...server)).code === 0,
        );
    };
    await holds();
    await host.daemon.ok('service', 'publish', 'api.mh');
    await host.daemon.ok('service', 'attach', 'linked', 'api.mh');
    await holds();
    await host.daemon.ok('service', 'detach', 'linked', 'api.mh');
    await holds();
    expect(await addressOf('linked')).not.toBe('');
    await host.daemon.ok('service', 'unpublish', 'api.mh');
    await host.dockerOk('rm', '-f', 'linked');
  });

  it("publishes nothing on the Engine's own networks, which it shows and leaves to it", async () => {
    await host.dockerOk('network', 'create', 'theirs');
    await until('it is shown', async () => (await host.daemon.ok('network', 'ls')).includes('theirs'));
    const { code, stderr } = await host.daemon.run('fairlead', 'service', 'publish', 'x.theirs');
    expect([code, stderr]).toEqual([
      1,
      "Error response from daemon: publish x.theirs: network theirs is the Docker Engine's own; create one with " +
        'fairlead network create -d overlay NAME and say SERVICE.NAME, or start the daemon with ' +
        '--default-network=overlay:NAME\n',
    ]);
    await host.daemon.ok('network', 'connect', 'theirs', 'asker');
    expect(await addressOf('asker', 'theirs')).toMatch(/^172\./);
    await host.daemon.ok('network', 'disconnect', 'theirs', 'asker');
    await host.daemon.ok('network', 'rm', 'theirs');
    expect((await host.docker('network', 'inspect', 'theirs')).code).toBe(1);
    // Its predefined ones too, under its ids.
    expect(await host.daemon.ok('network', 'inspect', '-f', '{{.Id}}', 'bridge')).toBe(
      await host.dockerOk('network', 'inspect', '-f', '{{.Id}}', 'bridge'),
    );
  });

  it("takes a network from the Engine, with addresses of the Engine's own", async () => {
    await host.dockerOk('network', 'create', '-d', 'fairlead', '--subnet', '10.77.0.0/24', 'typed');
    await until('typed', async () => (await host.daemon.ok('network', 'ls')).includes('typed'));
    expect(
      await host.daemon.ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).IPRange}}', 'typed'),
    ).toBe('10.77.0.128/25');
    await host.dockerOk('run', '-d', '--network', 'typed', '--name', 't1', ...sleeps);
    expect(await addressOf('t1', 'typed')).toBe('10.77.0.2');
    await answers('t1', ['typed 10.77.0.2']);
    await host.daemon.ok('service', 'publish', 'svc.typed');
    // The service's address is nobody else's.
    const { code, stderr } = await host.docker('run', '--network', 'typed', '--ip', '10.77.0.128', ...sleeps);
    expect([code, stderr]).toEqual([125, expect.stringContaining('Address already in use: 10.77.0.128')]);
    await host.daemon.ok('service', 'attach', 't1', 'svc.typed');
    await answers('svc', ['typed 10.77.0.128']);
    // Refused while a service is on it: it is known there again.
    await host.dockerOk('network', 'disconnect', 'typed', 't1');
    await host.dockerOk('network', 'rm', 'typed');
    await until('it is put back', async () => (await host.docker('network', 'inspect', 'typed')).code === 0);
    await host.daemon.ok('service', 'unpublish', 'svc.typed');
    await host.dockerOk('network', 'rm', 'typed');
    await until('it is gone', async () => !(await host.daemon.ok('network', 'ls')).includes('typed'));
    await host.dockerOk('rm', '-f', 't1');
  });

  it('takes one with addresses of ours, and refuses what cannot be', async () => {
    const ours = ['network', 'create', '-d', 'fairlead', '--ipam-driver', 'fairlead'];
    await host.dockerOk(...ours, '--subnet', '10.78.0.0/24', '--gateway', '10.78.0.9', 'ours');
    await until('ours', async () => (await host.daemon.ok('network', 'ls')).includes('ours'));
    await host.dockerOk('run', '-d', '--network', 'ours', '--name', 'o1', ...sleeps);
    await answers('o1', [`ours ${await addressOf('o1', 'ours')}`]);
    expect((await host.docker('exec', 'o1', 'ping', '-c1', '-W1', '10.78.0.9')).code).toBe(0);

    const overlap = await host.docker(...ours, '--subnet', '10.78.0.0/16', 'over');
    expect([overlap.code, overlap.stderr]).toEqual([
      1,
      expect.stringContaining('Pool overlaps with other one'),
    ]);
    // Names that differ by case only are one: it is undone at the Engine, with a word in the log.
    await host.dockerOk('network', 'create', '-d', 'fairlead', 'OURS');
    await until('it is undone', async () => (await host.docker('network', 'inspect', 'OURS')).code === 1);
    expect(host.daemon.output).toContain('network OURS is removed from the Docker Engine');
    await host.dockerOk('rm', '-f', 'o1');
    await host.dockerOk('network', 'rm', 'ours');
  });

  it('gives an internal network no way out, but names', async () => {
    await host.daemon.ok('network', 'create', '-d', 'overlay', '--internal', 'sealed');
    await host.dockerOk('run', '-d', '--network', 'sealed', '--name', 's1', ...sleeps);
    await host.dockerOk('run', '-d', '--network', 'sealed', '--name', 's2', ...sleeps);
    expect(await host.dockerOk('exec', 's1', 'ip', 'route')).not.toContain('default');
    expect((await host.docker('exec', 's1', 'nslookup', 's2.sealed', '169.254.53.53')).code).toBe(0);
    expect((await host.docker('exec', 's1', 'ping', '-c1', '-W2', 's2')).code).toBe(0);
    expect((await host.docker('exec', 's1', 'ping', '-c1', '-W1', '192.0.2.1')).code).not.toBe(0);
    await host.dockerOk('rm', '-f', 's1', 's2');
    await host.daemon.ok('network', 'rm', 'sealed');
  });

  it('lets containers on two networks ask for names by either', async () => {
    await host.daemon.ok('network', 'create', '-d', 'bridge', 'side');
    await host.dockerOk('network', 'connect', 'side', 'asker');
    await host.dockerOk('network', 'disconnect', 'mh', 'asker');
    await answers('asker', [`side ${await addressOf('asker', 'side')}`]);
    expect(await resolves('asker.side')).toBe(true);
    await host.dockerOk('network', 'connect', 'mh', 'asker');
    await host.dockerOk('network', 'disconnect', 'side', 'asker');
    expect(await resolves('asker.mh')).toBe(true);
    await host.daemon.ok('network', 'rm', 'side');
  });

  it('finds its way after the Engine, and does local work without it', async () => {
    await host.engine.stop('SIGTERM');
    await until('it is said', async () => (await host.daemon.ok('info')).includes('unreachable'));
    await host.daemon.ok('network', 'create', '-d', 'overlay', 'meanwhile');
    expect(await resolvesInHost('asker')).toBe(true);
    const { code, stderr } = await host.daemon.run('fairlead', 'service', 'publish', 'later.meanwhile');
    expect([code, stderr]).toEqual([0, '']);
    await host.engine.start();
    await until(
      'the Engine knows it',
      async () => (await host.docker('network', 'inspect', '-f', '{{.Driver}}', 'meanwhile')).stdout.trim(),
      (driver) => driver === 'fairlead',
    );
    expect((await host.docker('exec', 'asker', 'ping', '-c1', '-W1', '169.254.53.53')).code).toBe(0);
    expect(host.daemon.output.match(/Docker Engine at .* is away/g)).toHaveLength(1);
    await host.daemon.ok('service', 'unpublish', 'later.meanwhile');
    await host.daemon.ok('network', 'rm', 'meanwhile');
  });

  it('may die while the Engine is about to call it', async () => {
    await host.dockerOk('run', '-d', '--network', 'mh', '--name', 'gone', ...sleeps);
    await answers('gone', [`mh ${await addressOf('gone')}`]);
    const before = await hostEnds();
    const running = await host.namespaceOf('asker');
    await host.daemon.kill('SIGKILL');
    // The Engine tries to tell for 15 s, and holds the container locked meanwhile.
    const [removal] = [host.dockerOk('rm', '-f', 'gone'), await host.daemon.start()];
    await removal;
    await answers('gone', []);
    await until('one end less', async () => (await hostEnds()).length === before.length - 1);
    expect(await host.namespaceOf('asker')).toBe(running);
    await answers('asker', [`mh ${await addressOf('asker')}`]);
    expect((await host.daemon.run('fairlead', 'doctor')).stdout).toContain('all as it should be');
  });

  it('starts and stops ten at a time, and nothing of them stays', async () => {
    const ends = await hostEnds();
    const one = async (n: number) => {
      await host.dockerOk('run', '-d', '--network', 'mh', '--name', `many${n}`, ...sleeps);
      await host.dockerOk('rm', '-f', `many${n}`);
    };
    await Promise.all(Array.from({ length: 10 }, (_, n) => one(n)));
    expect(await hostEnds()).toEqual(ends);
    expect(await host.daemon.ok('dns', 'dump')).not.toMatch(/many|starting/);
    expect((await host.daemon.run('fairlead', 'doctor')).stdout).toContain('all as it should be');
  });

  it("lets packets through where the Engine's policy drops them, as long as there is a network", async () => {
    const rules = async () =>
      (await host.iptables('-S', 'DOCKER-USER')).split('\n').filter((rule) => rule.includes('fairlead_'));
    // As the Engine sets it where it was the one to switch forwarding on.
    await host.iptables('-P', 'FORWARD', 'DROP');
    const there = await rules();
    expect(there).not.toEqual([]);
    const words = ['run', '--rm', '--network', 'mh', 'busybox', 'ping', '-c1', '-W2'];
    for (const target of ['asker', '192.0.2.1']) expect((await host.docker(...words, target)).code).toBe(0);
    // Somebody's reload takes them away: the Engine's restart, firewalld's.
    await host.iptables('-F', 'DOCKER-USER');
    await host.daemon.ok('doctor', '--repair');
    expect(await rules()).toEqual(there);
    await host.dockerOk('rm', '-f', 'asker');
    await until('they are gone', async () => (await rules()).length === 0);
  });

  const provider = async () => (await host.daemon.ok('service', 'ls')).split('\n')[1]?.split(/\s+/)[3] ?? '';
  const shortIdOf = async (name: string) =>
    (await host.dockerOk('inspect', '-f', '{{.Id}}', name)).slice(0, 12);
  const hostEnds = async () =>
    (await host.network.linkNames()).filter((name) => /^fl[0-9a-f]{13}$/.test(name)).sort();
  const resolvesInHost = async (name: string) => (await owners(name)).length === 1;
});
