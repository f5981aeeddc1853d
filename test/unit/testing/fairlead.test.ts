import { Resolver } from 'node:dns/promises';
import { existsSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Docker from 'dockerode';
import { describe, expect, it, vi } from 'vitest';
import { type Fairlead, type FakeNode, startFairlead } from '../../../src/testing/index.ts';
import { until } from '../../rig/until.ts';

function clientOf({ socketPath, port }: Pick<FakeNode, 'socketPath' | 'port'>): Docker {
  return new Docker(socketPath === undefined ? { host: '127.0.0.1', port: port ?? 0 } : { socketPath });
}

async function start(docker: Docker, name: string, more: Docker.ContainerCreateOptions = {}) {
  const container = await docker.createContainer({ name, Image: 'busybox', ...more });
  await container.start();
  return container;
}

async function exec(container: Docker.Container, command: readonly string[]) {
  const made = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: true });
  const stream = await made.start({ Tty: true });
  let output = '';
  for await (const chunk of stream) output += String(chunk);
  return { output, exitCode: (await made.inspect()).ExitCode };
}

const statusOf = (error: unknown) =>
  error instanceof Error && 'statusCode' in error ? error.statusCode : error;

/** Publishes by the experimental API, as `docker service publish` does. */
async function call(docker: Docker, method: string, path: string, body?: object): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        path: body === undefined ? path : `${path}?`,
        method,
        statusCodes: { 200: true, 201: true, 204: true },
        ...(body === undefined ? {} : { options: body }),
      },
      (error: unknown, data: unknown) => (error ? reject(error) : resolve(data)),
    );
  });
}

describe('startFairlead', () => {
  it('listens on a socket of its own, or on a port, and leaves nothing', async () => {
    const f = await startFairlead();
    const { socketPath = '' } = f;
    expect(f.host).toBe(`unix://${socketPath}`);
    expect(f.env).toEqual({ DOCKER_HOST: f.host, FAIRLEAD_HOST: f.host });
    expect(f.dns).toBeUndefined();
    expect(String(await clientOf(f).ping())).toBe('OK');
    expect((await clientOf(f).info()).Fairlead).toMatchObject({ mode: 'simulated', why: 'fairlead/testing' });
    await f.close();
    await f.close();
    expect(existsSync(dirname(socketPath))).toBe(false);

    const tcp = await startFairlead({ port: 0 });
    expect(tcp.host).toBe(`tcp://127.0.0.1:${tcp.port}`);
    expect(String(await clientOf(tcp).ping())).toBe('OK');
    await tcp.close();
    const refused = await new Promise((resolve) => {
      connect(tcp.port ?? 0, '127.0.0.1').once('error', (error) => resolve('code' in error && error.code));
    });
    expect(refused).toBe('ECONNREFUSED');
  });

  it('refuses what it cannot do in one line, and leaves nothing of the try', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flt-'));
    vi.stubEnv('TMPDIR', folder);
    await expect(startFairlead({ nodes: 0 })).rejects.toThrow(
      'invalid nodes 0: expected a whole number from 1 to 50',
    );
    await expect(startFairlead({ port: 70_000 })).rejects.toThrow(
      'invalid port 70000: expected a whole number from 0 to 65535',
    );
    await expect(startFairlead({ time: 'soon' })).rejects.toThrow(
      'invalid time "soon": expected a Date or a text as in RFC 3339',
    );
    await expect(startFairlead({ leaseTtl: 'long' })).rejects.toThrow(
      'invalid duration "long": expected milliseconds',
    );
    await expect(startFairlead({ defaultNetwork: 'x' })).rejects.toThrow('NETWORKDRIVER:NETWORKNAME');
    await using taken = await startFairlead({ port: 0 });
    await expect(startFairlead({ port: taken.port ?? 0, nodes: 2 })).rejects.toThrow('EADDRINUSE');
    expect(readdirSync(folder)).toEqual([]);
    vi.unstubAllEnvs();
    rmdirSync(folder);
  });

  it('has names that resolve, over UDP, and asks nobody beyond', async () => {
    await using f = await startFairlead({ dns: true });
    const docker = clientOf(f);
    await docker.createNetwork({ Name: 'foo' });
    const web = await start(docker, 'web', { HostConfig: { NetworkMode: 'foo' } });
    const [address] = Object.values((await web.inspect()).NetworkSettings.Networks);
    const resolver = new Resolver();
    resolver.setServers([f.dns ?? '']);
    expect(await resolver.resolve4('web.foo')).toEqual([address?.IPAddress]);
    await expect(resolver.resolve4('example.org')).rejects.toMatchObject({ code: 'ESERVFAIL' });
    expect(await exec(web, ['getent', 'hosts', 'web'])).toEqual({
      output: `${address?.IPAddress.padEnd(15)} web\n`,
      exitCode: 0,
    });
    expect((await exec(web, ['nslookup', 'nobody'])).exitCode).toBe(1);
  });
});

describe('scripts', () => {
  it('answer exec: by words, text or expression, of one container or all, in turn, the newest first', async () => {
    await using f = await startFairlead();
    const docker = clientOf(f);
    f.onExec(/^pg_/, { stderr: 'which?\n', exitCode: 4 });
    f.container('db').onExec(['pg_isready'], [{ exitCode: 2 }, { stdout: 'accepting\n' }]);
    const greeting = f.onExec('echo hello', ({ container, command }) => ({
      stdout: `${container.name} ${container.image} ${command.join('|')}\n`,
    }));
    const [db, web] = await Promise.all([start(docker, 'db'), start(docker, 'web')]);
    const codes = [];
    for (const container of [db, db, db, web]) codes.push((await exec(container, ['pg_isready'])).exitCode);
    expect(codes).toEqual([2, 0, 0, 4]);
    expect(await exec(web, ['echo', 'hello'])).toEqual({ output: 'web busybox echo|hello\n', exitCode: 0 });
    greeting.remove();
    const unknown = await exec(web, ['echo', 'hello']);
    expect(unknown.exitCode).toBe(126);
    expect(unknown.output).toContain(
      'container web is simulated and runs no program, so this was not run: echo hello',
    );
    f.onExec('broken', () => Promise.reject(new Error('the script is broken')));
    expect(await exec(web, ['broken'])).toEqual({ output: 'the script is broken\n', exitCode: 126 });
  });

  it('run programs: output, exit code, health; by image, name or command', async () => {
    await using f = await startFairlead();
    const docker = clientOf(f);
    f.onRun('postgres', { stdout: 'ready to accept connections\n', health: 'healthy' });
    f.onRun({ command: ['migrate'] }, { stdout: 'done\n', stderr: 'slowly\n', exitCode: 3 });
    const db = await start(docker, 'db', { Image: 'docker.io/library/postgres:16' });
    expect(String(await db.logs({ stdout: true, stderr: true }))).toContain('ready to accept connections\n');
    await until(
      'it is healthy',
      async () => (await db.inspect()).State.Health?.Status,
      (status) => status === 'healthy',
    );
    const job = await docker.createContainer({ name: 'job', Image: 'busybox', Cmd: ['migrate'] });
    const exited = job.wait({ condition: 'next-exit' });
    await job.start();
    expect(await exited).toEqual({ StatusCode: 3 });
    const logs = String(await job.logs({ stdout: true, stderr: true }));
    expect([logs.includes('done\n'), logs.includes('slowly\n')]).toEqual([true, true]);
  });

  it('have their health checked by the clock: as scripted, else well, and as set by hand until the next start', async () => {
    await using f = await startFairlead({ time: '2030-01-01T00:00:00Z' });
    const docker = clientOf(f);
    const Healthcheck = { Test: ['CMD', 'ready'], Interval: 10e9, Retries: 2 };
    const [web, db] = [
      await start(docker, 'web', { Healthcheck }),
      await start(docker, 'db', { Healthcheck }),
    ];
    const health = async (container: typeof web) => (await container.inspect()).State.Health;
    const becomes = (container: typeof web, status: string) =>
      until(
        status,
        async () => (await health(container))?.Status,
        (seen) => seen === status,
      );
    f.container('db').onExec('ready', { stdout: 'no\n', exitCode: 1 });
    expect([(await health(web))?.Status, (await health(db))?.Status]).toEqual(['starting', 'starting']);
    await f.clock.advance('10s');
    await becomes(web, 'healthy');
    await f.clock.advance('10s');
    await becomes(db, 'unhealthy');
    expect(await health(db)).toMatchObject({ FailingStreak: 2, Log: [{ ExitCode: 1, Output: 'no\n' }, {}] });
    await f.container('web').setHealth('unhealthy');
    await f.clock.advance('1h');
    expect((await health(web))?.Status).toBe('unhealthy');
    await web.restart();
    expect((await health(web))?.Status).toBe('starting');
    await f.clock.advance('10s');
    await becomes(web, 'healthy');
  });

  it('write logs that are followed, and end a container that its policy starts again', async () => {
    await using f = await startFairlead({ time: '2030-01-01T00:00:00Z' });
    const docker = clientOf(f);
    const web = await start(docker, 'web', { Tty: true, HostConfig: { RestartPolicy: { Name: 'always' } } });
    const follow = await web.logs({ follow: true, stdout: true });
    f.container('web').log('one\ntwo\n');
    f.container('web').log('three\n', 'stderr');
    await f.container('web').exit(3);
    let text = '';
    for await (const chunk of follow) text += String(chunk);
    expect(text).toBe('one\ntwo\n');
    expect((await web.inspect()).State).toMatchObject({ Restarting: true, ExitCode: 3 });
    await f.clock.advance('1s');
    const { State, RestartCount } = await web.inspect();
    expect([State.Running, RestartCount, State.StartedAt.slice(0, 17)]).toEqual([
      true,
      1,
      '2030-01-01T00:00:',
    ]);
    await f.clock.advance('10m');
    expect((await docker.listContainers())[0]?.Status).toBe('Up 10 minutes');
    await expect(f.container('nobody').exit()).rejects.toThrow('No such container: nobody');
  });

  it('say what a health check says: inspect, list, events and DNS tell', async () => {
    await using f = await startFairlead();
    const docker = clientOf(f);
    await docker.createNetwork({ Name: 'foo' });
    const [web, other] = await Promise.all(
      ['web', 'other'].map((name) => start(docker, name, { HostConfig: { NetworkMode: 'foo' } })),
    );
    const events = await docker.getEvents({ filters: { event: ['health_status'] } });
    await f.container('web').setHealth('unhealthy');
    expect((await web?.inspect())?.State.Health).toEqual({ Status: 'unhealthy', FailingStreak: 1, Log: [] });
    expect((await docker.listContainers({ filters: { health: ['unhealthy'] } }))[0]?.Status).toMatch(
      /\(unhealthy\)$/,
    );
    expect(other && (await exec(other, ['getent', 'hosts', 'web'])).exitCode).toBe(2);
    await f.container('web').setHealth('healthy');
    expect(other && (await exec(other, ['getent', 'hosts', 'web'])).exitCode).toBe(0);
    const [line] = await events[Symbol.asyncIterator]()
      .next()
      .then(({ value }) => String(value).split('\n'));
    expect(JSON.parse(line ?? '')).toMatchObject({
      Action: 'health_status: unhealthy',
      Actor: { Attributes: { name: 'web' } },
    });
  });
});

describe('faults', () => {
  it('fail, break and slow the calls that they are for', async () => {
    await using f = await startFairlead();
    const docker = clientOf(f);
    f.faults.next(2, { on: 'POST /networks/create', status: 503, message: 'not today' });
    for (let i = 0; i < 2; i += 1) {
      const error: unknown = await docker.createNetwork({ Name: 'foo' }).catch((reason: unknown) => reason);
      expect([statusOf(error), String(error)]).toEqual([503, expect.stringContaining('not today')]);
    }
    await docker.createNetwork({ Name: 'foo' });
    f.faults.next(1, { on: '/networks/*', status: 'reset' });
    await docker.listNetworks();
    await expect(docker.getNetwork('foo').inspect()).rejects.toMatchObject({ code: 'ECONNRESET' });
    const web = await start(docker, 'web');
    f.faults.next(1, { on: 'POST /exec/**' });
    const made = await web.exec({ Cmd: ['x'], AttachStdout: true });
    await expect(made.start({ hijack: true, stdin: true })).rejects.toMatchObject({ statusCode: 500 });
    const slow = f.faults.slow(60, 'GET');
    const begun = performance.now();
    await docker.listNetworks();
    expect(performance.now() - begun).toBeGreaterThan(59);
    slow.remove();
    f.faults.next(1, {});
    f.faults.clear();
    await docker.ping();
    expect(() => f.faults.next(1, { on: 'networks' })).toThrow('expected METHOD, /PATH or METHOD /PATH');
    expect(() => f.faults.next(0, {})).toThrow('expected a whole number of calls from 1 on');
    expect(() => f.faults.next(1, { status: 200 })).toThrow("expected a status from 400 to 599 or 'reset'");
  });

  it('take the store away and bring it back, for longer than the lease as well', async () => {
    await using f = await startFairlead();
    const docker = clientOf(f);
    await docker.createNetwork({ Name: 'far', Driver: 'overlay' });
    for (const wait of ['1s', '1m']) {
      f.store.away('a cable');
      const refused: unknown = await docker
        .createNetwork({ Name: 'more', Driver: 'overlay' })
        .catch((reason: unknown) => reason);
      expect([statusOf(refused), String(refused)]).toEqual([
        503,
        expect.stringMatching(/memory:shared is unreachable since .*: a cable/),
      ]);
      await (await docker.createNetwork({ Name: `near${wait}` })).inspect();
      await f.clock.advance(wait);
      await f.store.back();
      const more = await docker.createNetwork({ Name: 'more', Driver: 'overlay' });
      await more.remove();
    }
    expect((await docker.listNetworks({ filters: { driver: ['overlay'] } })).map(({ Name }) => Name)).toEqual(
      ['far'],
    );
  });
});

describe('several nodes', () => {
  async function published(f: Fairlead) {
    const dockers = f.nodes.map(clientOf);
    const [one, two] = dockers;
    if (!one || !two) throw new Error('there are two');
    await one.createNetwork({ Name: 'foo', Driver: 'overlay' });
    const client = await start(one, 'client', { HostConfig: { NetworkMode: 'foo' } });
    const db = await start(two, 'db', { HostConfig: { NetworkMode: 'foo' } });
    return { one, two, client, db };
  }

  it('share networks and names; one that dies is missed when its lease ends, and comes back', async () => {
    await using f = await startFairlead({ nodes: 2 });
    const { client } = await published(f);
    const resolves = async () => (await exec(client, ['getent', 'hosts', 'db'])).exitCode === 0;
    expect(await resolves()).toBe(true);
    const [, second] = f.nodes;
    await second?.die();
    expect(second?.isAlive).toBe(false);
    expect(await resolves()).toBe(true);
    await f.clock.advance('14s');
    expect(await resolves()).toBe(true);
    await f.clock.advance('2s');
    expect(await resolves()).toBe(false);
    const nodes = await call(clientOf(f), 'GET', '/fairlead/nodes');
    expect(nodes).toMatchObject([{ name: 'node1' }]);
    await second?.revive();
    await until('its container is back', resolves);
    expect(second && String(await clientOf(second).ping())).toBe('OK');
  });

  it('one that is cut off stays itself, and is missed by the others', async () => {
    await using f = await startFairlead({ nodes: 2 });
    const { client, db } = await published(f);
    f.nodes[1]?.store.away();
    await f.clock.advance('20s');
    expect((await exec(client, ['getent', 'hosts', 'db'])).exitCode).toBe(2);
    expect((await exec(db, ['getent', 'hosts', 'db'])).exitCode).toBe(0);
    await f.nodes[1]?.store.back();
    await until('it is back', async () => (await exec(client, ['getent', 'hosts', 'db'])).exitCode === 0);
  });

  it('are as new after a reset', async () => {
    await using f = await startFairlead({ nodes: 2 });
    const { one } = await published(f);
    await call(one, 'POST', '/apps', { name: 'shop' });
    f.onExec(/./, {});
    f.faults.next(9, {});
    f.store.away();
    await f.nodes[1]?.die();
    await f.reset();
    for (const docker of f.nodes.map(clientOf)) {
      expect(await docker.listContainers({ all: true })).toEqual([]);
      expect((await docker.listNetworks()).map(({ Name }) => Name).sort()).toEqual([
        'bridge',
        'host',
        'none',
      ]);
    }
    expect(await call(one, 'GET', '/apps')).toEqual([]);
    expect((await exec(await start(one, 'late'), ['x'])).exitCode).toBe(126);
  });
});
