import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { runToEnd } from '../rig/daemon.ts';
import { serverCache } from '../rig/server.ts';
import { until } from '../rig/until.ts';

const fairlead = fileURLToPath(new URL('../../dist/bin/fairlead', import.meta.url));
const withEtcd = `${process.env.PATH}:${join(serverCache, 'etcd-server/usr/bin')}`;

/** `fairlead playground`, as a newcomer uses it. */
describe('the playground', { timeout: 90_000 }, () => {
  const started: ChildProcess[] = [];
  afterEach(() => {
    // One that a failed test left running cleans up after itself.
    for (const one of started.splice(0)) one.kill('SIGKILL');
  });

  const run = (path: string, ...words: string[]) =>
    runToEnd([process.execPath, fairlead, 'playground', ...words], { ...process.env, PATH: path });

  it('plays its story on two hosts: the service moves to the host that is left', async () => {
    const { code, stdout, stderr } = await run(withEtcd, '--store', 'etcd', '--story', '--exit');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const parts = stdout.split(/^# /m);
    const [c1 = '', c3 = ''] = [1, 5].map(
      (part) => /^([0-9a-f]{12})[0-9a-f]{52}$/gm.exec(lastId(parts[part]))?.[1],
    );
    expect(parts[2]).toMatch(/64 bytes from db\.mh \(10\.\d+\.\d+\.2\)/);
    expect(parts[2]).toMatch(new RegExp(` db +mh +${c1}$`, 'm'));
    expect(parts[4]).toMatch(/ db +mh *$/m);
    expect(parts[4]).toMatch(/^[0-9a-f]{12} +h1 .* lost /m);
    expect(parts[4]).toMatch(/^[0-9a-f]{12} +h2 .* alive /m);
    expect(parts[5]).toMatch(/64 bytes from db\.mh \(10\.\d+\.\d+\.2\)/);
    expect(parts[6]).toMatch(new RegExp(` db +mh +${c3}$`, 'm'));
  });

  it('gives each host a command, works as its instructions say, and leaves nothing after a crash', async () => {
    const playground = spawn(process.execPath, [fairlead, 'playground', '--store', 'etcd'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: withEtcd },
    });
    started.push(playground);
    let said = '';
    for (const stream of [playground.stdout, playground.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk));
    await until(
      'it is there',
      () => said,
      (text) => text.includes('Ctrl-C'),
      60_000,
    );
    const commands = /export PATH=(\S+):\$PATH/.exec(said)?.[1] ?? '';
    const typed = said.split('\n').filter((line) => / (docker|node ls)/.test(line));
    expect(typed).toHaveLength(5);
    for (const line of typed) {
      const { code, stderr } = await runToEnd(['sh', '-c', line], {
        ...process.env,
        PATH: `${commands}:${process.env.PATH}`,
      });
      expect([line, code, stderr]).toEqual([line, 0, '']);
    }
    const ours = async () => (await readdir('/run/netns')).filter((name) => name.startsWith('flp-'));
    expect(await ours()).toHaveLength(4);

    const ended = once(playground, 'exit');
    playground.kill('SIGKILL');
    await ended;
    await until('the hosts are gone', ours, (names) => names.length === 0, 20_000);
    await until(
      'the files are gone',
      () => existsSync(dirname(commands)),
      (isThere) => !isThere,
    );
  });

  it('names what is missing, with the line that installs it', async () => {
    const nothing = await run('/nonexistent');
    expect(nothing).toMatchObject({ code: 1, stdout: '' });
    expect(nothing.stderr).toContain(
      'needs nsenter, sh, not installed here: apt-get install util-linux dash',
    );
    const folder = await mkdtemp(join(tmpdir(), 'flt-programs-'));
    for (const name of ['nsenter', 'sh']) await symlink(`/usr/bin/${name}`, join(folder, name));
    const noStore = await run(folder, '--store', 'etcd');
    await rm(folder, { recursive: true });
    expect(noStore).toMatchObject({ code: 1, stdout: '' });
    expect(noStore.stderr).toContain('found none. etcd: apt-get install etcd-server');
    expect((await run(withEtcd, '--hosts', '1', '--story')).stderr).toContain(
      '--hosts 1: expected a whole number from 2 to 9, as the story has two',
    );
  });
});

function lastId(text = ''): string {
  return text.match(/^[0-9a-f]{64}$/gm)?.at(-1) ?? '';
}
