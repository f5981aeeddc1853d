import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, runToEnd, TestDaemon } from '../rig/daemon.ts';
import { damages } from '../rig/damage.ts';
import { TestHost } from '../rig/namespace.ts';
import { Random } from '../rig/random.ts';
import { until } from '../rig/until.ts';

const fairlead = fileURLToPath(new URL('../../dist/bin/fairlead', import.meta.url));

/** A seed whose first number is small: what it damages is not the last record. */
const early = 8;

/** A real daemon whose database is damaged under living containers. */
describe('a damaged database', () => {
  let host: TestHost;
  let daemon: TestDaemon;
  /** Containers that are never to end, and the pids of their programs. */
  const pids = new Map<string, number>();

  const store = () => join(daemon.dataRoot, 'store');
  const journal = () => join(store(), 'state.journal');

  beforeAll(async () => {
    host = await TestHost.create();
    daemon = await TestDaemon.start({ namespace: host.path, flags: ['--dataplane', 'linux'] });
    await daemon.ok('network', 'create', 'foo');
    await daemon.ok('service', 'publish', 'db.foo');
    for (const name of ['web', 'peer']) await run(name);
    await daemon.ok('run', '-d', '--name', 'held', '--net', 'foo', 'x');
    await daemon.ok('service', 'attach', 'web', 'db.foo');
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  async function run(name: string, network = 'foo'): Promise<void> {
    await daemon.ok('run', '-d', '--name', name, '--net', network, 'x', 'sleep', '3600');
    pids.set(name, await pidOf(name));
  }

  const pidOf = async (name: string) => Number(await daemon.ok('inspect', '-f', '{{.State.Pid}}', name));
  const names = async (...flags: string[]) =>
    (await daemon.ok('ps', ...flags, '--format', '{{.Names}}')).split('\n').filter(Boolean).sort();

  const isAlive = (pid: number) => {
    process.kill(pid, 0);
    return true;
  };

  /** One start that is to be refused: its exit code, and all that it says. */
  async function refusedStart() {
    const words = [fairlead, 'daemon', '--data-root', daemon.dataRoot, '-H', daemon.host];
    const inHost = ['timeout', '30', 'nsenter', `--net=${host.path}`, process.execPath, ...words];
    return await runToEnd([...inHost, '--dataplane', 'linux'], cleanEnvironment());
  }

  async function expectAllWell(when: string): Promise<void> {
    expect(await names(), when).toEqual([...pids.keys(), 'held'].sort());
    for (const [name, pid] of pids) {
      expect(isAlive(pid), `${name} ${when}`).toBe(true);
      expect(await pidOf(name), `${name} ${when}`).toBe(pid);
    }
    await until(
      `db resolves ${when}`,
      () => daemon.run('fairlead', 'exec', 'peer', 'ping', '-c1', '-W1', 'db'),
      ({ code }) => code === 0,
    );
    const ping = await daemon.run('fairlead', 'exec', 'held', 'ping', '-c1', '-W1', 'peer');
    expect(ping.code, `${when}: ${ping.stdout}${ping.stderr}`).toBe(0);
    const doctor = await daemon.run('fairlead', 'doctor');
    expect(doctor.code, `${when}: ${doctor.stdout}`).toBe(0);
  }

  it('is open to no program in a container', async () => {
    for (const words of [
      ['run', '--rm', 'x'],
      ['exec', 'web'],
    ]) {
      const list = await daemon.run('fairlead', ...words, 'ls', '-l', '/proc/self/fd');
      expect(list.stdout).toMatch(/ 0 -> /);
      expect(list.stdout).not.toContain(daemon.dataRoot);
    }
  });

  it.each(Object.keys(damages))(
    'that is %s is said in one line, and restored under living containers',
    async (kind) => {
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        await daemon.kill(signal);
        damages[kind]?.(journal(), new Random(early));
        const { code, stdout, stderr } = await refusedStart();
        expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' });
        expect(stderr).toMatch(
          /^[^\n]*state\.journal is damaged: [^\n]+"fairlead daemon --restore" goes on with [^\n]+\n$/,
        );
        for (const pid of pids.values()) expect(isAlive(pid)).toBe(true);
        await daemon.start('--restore');
        expect(daemon.output).toContain('was damaged');
        await expectAllWell(`after ${kind} and ${signal}`);
      }
    },
  );

  it('whose copy is older takes what came later from the containers, and leaves what went', async () => {
    await daemon.ok('network', 'create', 'old');
    await daemon.ok(
      'run',
      '-d',
      '--name',
      'gone',
      '--net',
      'old',
      '--restart',
      'always',
      'x',
      'sleep',
      '3600',
    );
    await daemon.kill('SIGTERM');
    await cp(join(store(), 'state.kept'), join(daemon.dataRoot, 'older'));
    await daemon.start();
    await daemon.ok('rm', '-f', 'gone');
    await daemon.ok('network', 'create', 'new');
    await run('late', 'new');
    await daemon.ok('rename', 'peer', 'mate');
    await daemon.ok('rename', 'mate', 'peer');
    await daemon.kill('SIGKILL');
    await rm(journal());
    await cp(join(daemon.dataRoot, 'older'), join(store(), 'state.kept'));
    await daemon.start('--restore');
    expect(daemon.output).toMatch(/container late \([0-9a-f]{12}\) runs, pid \d+, and is taken over/);
    expect(daemon.output).toContain('container gone has no files any more');
    await expectAllWell('with an older copy');
    expect(await names('-a')).not.toContain('gone');
    expect((await daemon.run('fairlead', 'exec', 'late', 'ping', '-c1', '-W1', 'late')).code).toBe(0);
    await daemon.ok('rm', '-f', 'late');
    pids.delete('late');
  });

  it('that is gone with its copy costs no container, network or service of a container', async () => {
    await daemon.kill('SIGKILL');
    await rm(store(), { recursive: true });
    const { code, stderr } = await refusedStart();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^[^\n]*it is missing, but containers are in [^\n]+ without records[^\n]+\n$/,
      ),
    });
    await daemon.start('--restore');
    await expectAllWell('without a copy');
    expect(await daemon.ok('network', 'ls')).toContain('foo');
    expect(await daemon.ok('service', 'ls')).toMatch(/ db +foo +/);
  });

  it('leaves alone what runs and has no record anywhere, once, and its devices', async () => {
    const id = await daemon.ok('inspect', '-f', '{{.Id}}', 'peer');
    const sandbox = (await readFile(join(daemon.dataRoot, 'node-id'), 'utf8')).slice(0, 4);
    const links = () => host.linkNames(`fl${sandbox}-${id.slice(0, 12)}`);
    const [inside, outside] = [await links(), await host.linkNames()];
    await daemon.kill('SIGKILL');
    await rm(store(), { recursive: true });
    await rm(join(daemon.dataRoot, 'containers', id, 'record.json'));
    await daemon.start('--restore');
    const pid = pids.get('peer') ?? 0;
    const said = daemon.output.split('\n').filter((line) => line.includes(id.slice(0, 12)));
    expect(said).toEqual([
      expect.stringMatching(
        /pid \d+, runs, but no record of it is left: it is left alone; `kill -9 \d+` ends it/,
      ),
    ]);
    await daemon.run('fairlead', 'doctor', '--repair');
    expect(await names()).toEqual(['held', 'web']);
    expect(isAlive(pid)).toBe(true);
    expect([await links(), await host.linkNames()]).toEqual([inside, expect.arrayContaining([...outside])]);
    await daemon.kill('SIGTERM');
    expect(isAlive(pid)).toBe(true);
    // It ends, and with the next start nothing is left of it.
    process.kill(pid, 'SIGKILL');
    await until(
      'it has ended',
      () => host.run('ip', 'netns', 'pids', `fl${sandbox}-${id.slice(0, 12)}`),
      (pids) => pids === '',
    );
    await daemon.start();
    expect(await readdir(join(daemon.dataRoot, 'containers'))).not.toContain(id);
    await until(
      'its namespace is gone',
      () => host.run('ip', 'netns'),
      (all) => !all.includes(id.slice(0, 12)),
    );
  });
});
