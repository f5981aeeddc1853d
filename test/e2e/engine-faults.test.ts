import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { type FakeEngine, type FakeEnginePlan, startFakeEngine } from '../rig/fake-engine.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';

/** An Engine that answers every question with this version. */
const speaking = (version: object) =>
  startFakeEngine({
    answer: (_request, response) =>
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(version)),
  });

/**
 * One that holds back every answer about networks until its plugin listens, as Engines do that wait for it with their
 * locks held. It says that it has none, whatever was created.
 */
function waitingFor(pluginSocket: string): FakeEnginePlan {
  const answers: readonly [RegExp, unknown][] = [
    [/^GET .*\/version$/, { Version: '20.10.24', ApiVersion: '1.41' }],
    [/^GET .*\/containers\/json/, []],
    [/^GET .*\/networks/, []],
    [/^POST .*\/networks\/create/, { Id: 'e'.repeat(64) }],
  ];
  return {
    async answer({ method = '', url = '' }, response) {
      const line = `${method} ${url}`;
      response.setHeader('Content-Type', 'application/json');
      if (url.includes('/events')) return response.flushHeaders();
      if (url.includes('/networks'))
        await until('the plugin listens', () => listens(pluginSocket), Boolean, 50_000);
      const [, answer = {}] = answers.find(([pattern]) => pattern.test(line)) ?? [];
      response.end(JSON.stringify(answer));
    },
  };
}

/** A socket that a dead daemon left refuses. */
async function listens(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

interface Rig extends AsyncDisposable {
  readonly daemon: TestDaemon;
  readonly pluginSocket: string;
}

/** A daemon that is told of an Engine; it may need words that take something from it. */
async function beside(
  socketPath: string,
  more: { enter?: string[]; pluginSocket?: string } = {},
): Promise<Rig> {
  const host = await TestHost.create();
  const folder = await mkdtemp(join(tmpdir(), 'flt-plugins-'));
  const pluginSocket = more.pluginSocket ?? join(folder, 'fairlead.sock');
  const daemon = await TestDaemon.start({
    enter: ['nsenter', `--net=${host.path}`, ...(more.enter ?? [])],
    flags: ['--engine', `unix://${socketPath}`, '--plugin-socket', pluginSocket, '--dns-listen', 'none'],
  });
  return {
    daemon,
    pluginSocket,
    async [Symbol.asyncDispose]() {
      // It has no containers of its own, and asking an Engine that hangs for some would hang, too.
      await daemon.kill('SIGTERM');
      await daemon[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** Networks and services of this host need no Engine. */
async function localWorkGoesOn({ daemon }: Rig): Promise<void> {
  await daemon.ok('network', 'create', '-d', 'bridge', 'foo');
  await daemon.ok('service', 'publish', 'db.foo');
  expect(await daemon.ok('service', 'ls')).toMatch(/ db +foo/);
  await daemon.ok('service', 'unpublish', 'db.foo');
  await daemon.ok('network', 'rm', 'foo');
}

/** The one line at the start, and the one of a command that needs the Engine. */
async function saysOnce({ daemon }: Rig, why: string): Promise<void> {
  expect(daemon.output).toContain(`engine mode (asked for with --engine; ${why})`);
  expect(daemon.output.split('\n').filter((line) => line.includes('is away: '))).toHaveLength(1);
  expect(await daemon.ok('info')).toContain(why);
}

describe('beside a Docker Engine that', { timeout: 60_000 }, () => {
  it('is not there', async () => {
    await using rig = await beside('/tmp/flt-nowhere/docker.sock');
    const where = 'Docker Engine at unix:///tmp/flt-nowhere/docker.sock';
    await saysOnce(rig, `${where}: there is no such socket: is the Engine running?`);
    await localWorkGoesOn(rig);
    const { code, stderr } = await rig.daemon.run('fairlead', 'ps');
    expect([code, stderr]).toEqual([
      1,
      `Error response from daemon: cannot connect to the ${where}: there is no such socket: is the Engine running?\n`,
    ]);
  });

  it('speaks an API that is too old', async () => {
    await using engine: FakeEngine = await speaking({ Version: '1.11.0', ApiVersion: '1.23' });
    await using rig = await beside(engine.socketPath);
    const why = `version 1.11.0 speaks API 1.12 to 1.23, and one of 1.24 to 1.48 is needed`;
    await saysOnce(
      rig,
      `Docker Engine at unix://${engine.socketPath}: ${why}: another version of the Engine, or --engine none`,
    );
    await localWorkGoesOn(rig);
  });

  it('lets us not in', async () => {
    await using engine: FakeEngine = await speaking({});
    // Somebody else's, and a root that may not pass over that.
    await chown(engine.socketPath, 65_534, 65_534);
    await chmod(engine.socketPath, 0o600);
    await using rig = await beside(engine.socketPath, { enter: ['setpriv', '--bounding-set=-dac_override'] });
    const why = 'permission denied: run the daemon as root, or as a member of the group docker';
    await saysOnce(rig, `Docker Engine at unix://${engine.socketPath}: ${why}`);
    await localWorkGoesOn(rig);
  });

  it('is none', async () => {
    await using engine: FakeEngine = await speaking({ hello: 'world' });
    await using rig = await beside(engine.socketPath);
    await saysOnce(
      rig,
      `Docker Engine at unix://${engine.socketPath}: what answers there is no Docker Engine`,
    );
    await localWorkGoesOn(rig);
  });

  it('waits for its plugin before it says a word of networks', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flt-plugins-'));
    const pluginSocket = join(folder, 'fairlead.sock');
    await using engine = await startFakeEngine(waitingFor(pluginSocket));
    {
      await using rig = await beside(engine.socketPath, { pluginSocket });
      await rig.daemon.ok('network', 'create', '-d', 'bridge', 'foo');
      await rig.daemon.kill('SIGTERM');
      const made = () => engine.calls.filter(({ line }) => line.includes('/networks/create')).length;
      const before = made();
      await rig.daemon.start();
      await until('what it does not know is made known there', () => made() > before);
      await rig.daemon.ok('network', 'rm', 'foo');
    }
    await rm(folder, { recursive: true });
  });

  it('hangs: accepts every call, answers those about its version, and no other', async () => {
    await using engine = await startFakeEngine({
      answer({ url = '' }, response) {
        if (!url.endsWith('/version')) return;
        response.writeHead(200, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify({ Version: '20.10.24', ApiVersion: '1.41' }));
      },
    });
    await using rig = await beside(engine.socketPath);
    await localWorkGoesOn(rig);
    const { text } = await rig.daemon.call('GET', '/info');
    expect(text).toContain('it has not answered yet');
    expect(text).toContain(
      `WARNING: the Docker Engine at unix://${engine.socketPath} has not answered /info within 5 s`,
    );
  });

  it('has a plugin of our name already', async () => {
    await using other: FakeEngine = await speaking({ Implements: ['NetworkDriver'] });
    await using rig = await beside('/tmp/flt-nowhere/docker.sock', { pluginSocket: other.socketPath });
    const line = await until(
      'it is said',
      () => rig.daemon.output.split('\n').filter((text) => text.includes('no plugin of the Docker Engine')),
      (lines) => lines.length > 0,
    );
    expect(line).toHaveLength(1);
    expect(line[0]).toContain(
      `no plugin of the Docker Engine: another daemon answers on unix://${other.socketPath}; another name: --plugin-socket /PATH/NAME.sock`,
    );
    await localWorkGoesOn(rig);
    expect(other.calls).toEqual([]);
  });
});
