import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineHost } from '../rig/engine-host.ts';
import type { EngineVersion } from '../rig/engine-version.ts';
import { TestHost } from '../rig/namespace.ts';
import { Reaper } from '../rig/reaper.ts';
import { until } from '../rig/until.ts';

const versions: readonly EngineVersion[] = ['28.5', '20.10'];

/** The drop-in beside an Engine: its docker does what it always does, and services are published around it. */
describe.each(versions)('docker run --publish-service beside Engine %s', { timeout: 120_000 }, (version) => {
  const reaper = new Reaper();
  let host: EngineHost;

  beforeAll(async () => {
    const network = await TestHost.create();
    reaper.namespace(network.name);
    host = await EngineHost.create({
      network,
      name: 'host1',
      version,
      reaper,
      flags: ['--dns-listen', 'none'],
      config: { dns: ['169.254.53.53'] },
    });
    await host.startDaemon();
    await host.dropInOk('network', 'create', '-d', 'bridge', 'foo');
    await host.dropInOk('network', 'create', '-d', 'bridge', 'bar');
  });
  afterAll(async () => {
    await reaper.reap();
  });

  const run = (...words: string[]) => host.dropIn('run', ...words);
  const services = async () =>
    (await host.dropInOk('service', 'ls'))
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/).slice(1, 3).join('.'));
  const containers = async () => (await host.dockerOk('ps', '-aq', '--no-trunc')).split('\n').filter(Boolean);

  it('gives the exit code and the output of the program, with every flag of docker', async () => {
    const flags = [
      '--publish-service',
      'db.foo',
      '--rm',
      '--memory',
      '16m',
      '--ulimit',
      'nofile=99',
      '-e',
      'A=b',
    ];
    const script = 'echo out $A $(ulimit -n); echo err >&2; exit 7';
    const { code, stdout, stderr } = await run(...flags, 'busybox', 'sh', '-c', script);
    expect([code, stdout, stderr]).toEqual([7, 'out b 99\n', 'err\n']);
    await until('it is removed', containers, (ids) => ids.length === 0);
    // As in 2015: the service stays, for the next one to take.
    expect(await services()).toEqual(['db.foo']);
  });

  it('hands on what is typed', async () => {
    const words = ['--publish-service=db.foo', '-i', '--rm', 'busybox', 'cat'];
    expect((await host.dropInWith('typed\n', 'run', ...words)).stdout).toBe('typed\n');
  });

  it('is on the service’s network before the program begins, and nowhere else', async () => {
    const script = 'ip -4 -o addr show; nslookup db | tail -n +3';
    const { code, stdout } = await run('--rm', '--publish-service', 'db.foo', 'busybox', 'sh', '-c', script);
    expect(code).toBe(0);
    expect(stdout.match(/^\d+: eth\d/gm)).toHaveLength(1);
    const [, address = ''] = /inet ([\d.]+)\/\d+ brd/.exec(stdout) ?? [];
    expect(stdout).toContain(`Address: ${address}`);
  });

  it('publishes several services, one on each network, and -d prints the id', async () => {
    const id = await host.dropInOk(
      ...['run', '-d', '--name', 'two', '--publish-service', 'db.foo', '--publish-service', 'cache.bar'],
      ...['busybox', 'sleep', '1000'],
    );
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const listed = (await host.dropInOk('service', 'ls')).split('\n').slice(1);
    expect(listed.map((line) => line.split(/\s+/).slice(1))).toEqual([
      ['cache', 'bar', id.slice(0, 12)],
      ['db', 'foo', id.slice(0, 12)],
    ]);
  });

  it.each([
    [
      'is taken',
      ['--publish-service', 'new.bar', '--publish-service', 'db.foo'],
      'already joined the endpoint of service db',
    ],
    ['has no network', ['--publish-service', 'db.nowhere'], 'Network nowhere does not exist'],
    [
      'is the second on one network',
      ['--publish-service', 'a.bar', '--publish-service', 'b.bar'],
      'detach it first',
    ],
  ])('leaves nothing where a service %s', async (_what, flags, words) => {
    const before = [await services(), await containers()];
    const { code, stdout, stderr } = await run('-d', ...flags, 'busybox', 'true');
    expect([code, stdout]).toEqual([125, '']);
    expect(stderr).toContain(words);
    expect(stderr).toMatch(/^docker: Error response from daemon: /);
    expect([await services(), await containers()]).toEqual(before);
  });

  it.each([
    ['is not found', ['busybox', 'nosuch'], 127],
    ['cannot be run', ['busybox', '/etc'], 126],
    ['is in no image', ['--pull=never', 'nosuch', 'x'], 125],
    ['is asked for with a wrong flag', ['--nosuch', 'busybox', 'x'], 125],
  ])('leaves nothing when the program %s', async (_what, words, expected) => {
    const before = [await services(), await containers()];
    const { code } = await run('--publish-service', 'new.bar', ...words);
    expect(code).toBe(expected);
    expect([await services(), await containers()]).toEqual(before);
  });

  it('creates only, where it is told so; the start is then the Engine’s', async () => {
    const id = await host.dropInOk(
      'create',
      '--publish-service',
      'later.bar',
      '--name',
      'later',
      'busybox',
      'sleep',
      '9',
    );
    expect(await services()).toContain('later.bar');
    await host.dockerOk('start', 'later');
    await until('it is the provider', async () =>
      (await host.dropInOk('service', 'ls')).includes(id.slice(0, 12)),
    );
    await host.dockerOk('rm', '-f', 'later');
  });

  it('fairlead run is the same', async () => {
    const { code, stdout } = await host.daemon.run(
      ...([
        'fairlead',
        'run',
        '--rm',
        '--memory',
        '16m',
        '--publish-service',
        'f.bar',
        'busybox',
        'hostname',
      ] as const),
    );
    expect([code, stdout]).toMatchObject([0, expect.stringMatching(/^[0-9a-f]{12}\n$/)]);
    expect(await services()).toContain('f.bar');
  });

  it('everything else is the real docker’s', async () => {
    expect((await host.dropIn('exec', 'two', 'echo', 'hi')).stdout).toBe('hi\n');
    expect((await host.dropIn('version', '-f', '{{.Server.Version}}')).stdout).toContain(`${version}.`);
    expect((await host.dropIn('service', 'create', 'x')).stderr).toContain(
      'This node is not a swarm manager',
    );
  });
});

/** Clients at the daemon's own socket: what is the Engine's is handed on. */
describe.each(versions)('the daemon’s socket beside Engine %s', { timeout: 120_000 }, (version) => {
  const reaper = new Reaper();
  let host: EngineHost;
  const docker = async (...words: string[]) => await host.dockerAt(host.daemon.host, ...words);

  beforeAll(async () => {
    const network = await TestHost.create();
    reaper.namespace(network.name);
    const flags = ['--dns-listen', 'none'];
    host = await EngineHost.create({ network, name: 'host1', version, reaper, flags, config: {} });
    await host.startDaemon();
  });
  afterAll(async () => {
    await reaper.reap();
  });

  it('is good for a whole docker session', async () => {
    expect((await docker('network', 'create', '-d', 'bridge', 'foo')).code).toBe(0);
    const started = await docker(
      'run',
      '-d',
      '--network',
      'foo',
      '--name',
      'c1',
      '--memory',
      '16m',
      'busybox',
      'sleep',
      '1000',
    );
    expect(started.code).toBe(0);
    expect((await docker('exec', 'c1', 'echo', 'hi')).stdout).toBe('hi\n');
    const { stdout } = await docker('run', '--rm', '--network', 'foo', 'busybox', 'ping', '-c1', '-W2', 'c1');
    expect(stdout).toContain('1 packets received');
    expect((await docker('inspect', '-f', '{{.HostConfig.Memory}}', 'c1')).stdout).toBe(`${16 << 20}\n`);
    expect(
      (await docker('network', 'inspect', '-f', '{{range .Containers}}{{.Name}}{{end}}', 'foo')).stdout,
    ).toBe('c1\n');
    const build = await host.dockerAt(host.daemon.host, 'commit', 'c1', 'made');
    expect(build.code).toBe(0);
    expect((await docker('images', '-q', 'made')).stdout).toMatch(/^[0-9a-f]{12}\n$/);
    expect((await docker('info', '-f', '{{.ServerVersion}} {{.Containers}}')).stdout).toMatch(
      new RegExp(`^${version}\\.\\S* 1\\n$`),
    );
  });

  it('loses no answer, however fast it comes', async () => {
    for (let n = 0; n < 200; n += 1) {
      const { status, text } = await host.daemon.call('POST', '/containers/c1/exec', { Cmd: ['true'] });
      expect([status, text]).toEqual([201, expect.stringMatching(/"Id":"[0-9a-f]{64}"/)]);
    }
  });

  it('tells the events of both, each once', async () => {
    const since = String(Math.ceil(Date.now() / 1000) + 1);
    await until('nothing of before is in the same second', () => Date.now() / 1000 > Number(since));
    expect((await docker('network', 'connect', 'bridge', 'c1')).code).toBe(0);
    expect((await docker('network', 'disconnect', 'foo', 'c1')).code).toBe(0);
    expect((await docker('network', 'connect', 'foo', 'c1')).code).toBe(0);
    await host.daemon.ok('service', 'publish', 'db.foo');
    expect((await docker('rm', '-f', 'c1')).code).toBe(0);
    const told = async () => {
      const words = ['--since', since, '--until', String(Math.ceil(Date.now() / 1000) + 1)];
      const { stdout } = await docker(
        'events',
        ...words,
        '--format',
        '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}',
      );
      return stdout.trim().split('\n').sort();
    };
    expect(await told()).toEqual(
      [
        'container destroy c1',
        'container die c1',
        'container kill c1',
        'network connect bridge',
        'network connect foo',
        'network disconnect bridge',
        'network disconnect foo',
        'network disconnect foo',
        // 20.10 tells of one that a person asks for twice.
        ...(version === '20.10' ? ['network disconnect foo'] : []),
        'service publish db',
      ].sort(),
    );
  });
});
