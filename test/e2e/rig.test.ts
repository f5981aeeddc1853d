import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runToEnd } from '../rig/daemon.ts';
import { until } from '../rig/until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** `npm run rig`, as it is used by hand. */
describe('the rig', { timeout: 60_000 }, () => {
  let program = '';
  beforeAll(async () => {
    // Where the rig looks for dist/ from: as deep as dist/rig.
    program = join(await mkdtemp(join(root, 'test/rig-')), 'rig.js');
    const entryPoints = [join(root, 'test/rig/main.ts')];
    await build({
      entryPoints,
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
  });
  afterAll(() => rm(join(program, '..'), { recursive: true, force: true }));

  const started: ChildProcess[] = [];
  afterEach(() => {
    // One that a failed test left running cleans up after itself, as after Ctrl-C.
    for (const rig of started.splice(0)) rig.kill('SIGINT');
  });

  async function start() {
    const rig = spawn(process.execPath, [program, '--hosts', '2', '--store', 'etcd'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: '' },
    });
    started.push(rig);
    let said = '';
    for (const stream of [rig.stdout, rig.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
    await until(
      'it is there',
      () => said,
      (text) => text.includes('Ctrl-C'),
      40_000,
    );
    return { rig, said };
  }

  const all = (pattern: RegExp, text: string) => [...text.matchAll(pattern)].map(([, one = '']) => one);

  for (const [signal, how] of [
    ['SIGINT', 'Ctrl-C'],
    ['SIGKILL', 'a crash'],
  ] as const) {
    it(`says how to use it, works so, and leaves nothing after ${how}`, async () => {
      const { rig, said } = await start();
      const sockets = all(/export FAIRLEAD_HOST=(\S+)/g, said);
      const namespaces = all(/nsenter --net=\/run\/netns\/(\S+)/g, said);
      expect(sockets).toHaveLength(2);
      const [first = '', second = ''] = sockets;
      const on = async (socket: string, ...words: string[]) => {
        const env = { ...process.env, FAIRLEAD_HOST: socket };
        const { code, stdout, stderr } = await runToEnd(
          [process.execPath, join(root, 'dist/bin/fairlead'), ...words],
          env,
        );
        expect([words, code, stderr]).toEqual([words, 0, '']);
        return stdout;
      };
      await on(first, 'network', 'create', '-d', 'overlay', 'multihost');
      await until('host 2 knows it', async () => (await on(second, 'network', 'ls')).includes('multihost'));
      const a = await on(first, 'run', '-d', '--name', 'c1', '--publish-service', 'db.multihost', 'x');
      await on(second, 'run', '-d', '--name', 'c2', '--net', 'multihost', 'x');
      await on(second, 'exec', 'c2', 'ping', '-n', '-c1', '-w5', 'db');
      const ended = once(rig, 'exit');
      rig.kill(signal);
      await ended;
      const id = a.trim().slice(0, 12);
      const left = async () =>
        (await readdir('/run/netns')).filter((name) => namespaces.includes(name) || name.endsWith(id));
      await until('the namespaces are gone', left, (names) => names.length === 0, 15_000);
      const roots = sockets.map((socket) => socket.slice('unix://'.length).replace('/fairlead.sock', ''));
      await until(
        'the files are gone',
        () => roots.filter((path) => existsSync(path)),
        (paths) => paths.length === 0,
      );
    });
  }
});
