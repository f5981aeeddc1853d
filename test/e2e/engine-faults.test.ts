import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { type FakeEngine, startFakeEngine } from '../rig/fake-engine.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';

/** An Engine that answers every question with this version. */
const speaking = (version: object) =>
  startFakeEngine({
    answer: (_request, response) =>
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(version)),
  });

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
  expect(daemon.output).toContain(`engine way (asked for with --engine; ${why})`);
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
    const why = `version 1.11.0 speaks API 1.12 to 1.23, and one of 1.24 to 1.47 is needed`;
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
