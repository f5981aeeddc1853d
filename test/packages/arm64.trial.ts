import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToEnd } from '../rig/daemon.ts';
import { serverCache, TestServer } from '../rig/server.ts';
import { succeed } from './before.ts';
import { built } from './built.ts';
import { debianMirror } from './clean-root.ts';

const emulator = join(serverCache, 'qemu-user-static/usr/bin/qemu-aarch64-static');
/** What the Node of an arm64 package finds there: no program of that machine but it is run. */
const libraries = join(serverCache, 'arm64-libraries');

async function ensureLibraries(): Promise<void> {
  if (existsSync(libraries)) return;
  const fresh = `${libraries}.new`;
  await rm(fresh, { recursive: true, force: true });
  const words = [
    '--quiet',
    '--variant=extract',
    '--architectures=arm64',
    '--include=libc6,libstdc++6,libgcc-s1',
  ];
  await succeed(['mmdebstrap', ...words, 'bookworm', fresh, await debianMirror()], '/');
  await rename(fresh, libraries);
}

/** Each package for arm64, on an emulated processor of it. */
describe('for arm64', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-arm64-'));
    await ensureLibraries();
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    ['tarball', /-linux-arm64\.tar\.gz$/, 'tar --strip-components=1 -xf', ''],
    ['.deb', /_arm64\.deb$/, 'dpkg-deb --fsys-tarfile', 'usr/lib/fairlead'],
  ])('the %s has a daemon that starts, and commands that ask it', async (name, file, unpack, home) => {
    const place = join(folder, name);
    const from = await built(file);
    const script = name === '.deb' ? `${unpack} '${from}' | tar -x` : `${unpack} '${from}'`;
    await succeed(['sh', '-c', `mkdir '${place}' && cd '${place}' && ${script}`], '/');
    const tree = join(place, home);
    const [program, ...args] = [
      emulator,
      '-L',
      libraries,
      join(tree, 'node'),
      join(tree, 'dist/bin/fairlead'),
    ];
    const socket = `unix://${join(place, 'fairlead.sock')}`;
    const run = async (...words: readonly string[]) => {
      const env = { ...process.env, FAIRLEAD_HOST: socket };
      const { code, stdout, stderr } = await runToEnd([program, ...args, ...words], env);
      expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
      return stdout;
    };
    const flags = ['daemon', '--dataplane', 'simulated', '--engine', 'none', '--dns-listen', 'none'];
    const places = ['--host', socket, '--data-root', join(place, 'data')];
    await using daemon = new TestServer({
      command: program,
      args: [...args, ...flags, ...places],
      directory: join(place, 'server'),
      env: process.env,
      ready: async () => existsSync(join(place, 'fairlead.sock')),
      // An emulated processor is a slow one.
      patience: 300_000,
      stopSignal: 'SIGTERM',
    });
    await daemon.start();
    const { Client, Server } = JSON.parse(await run('version', '--format', 'json'));
    expect(Client.Version).toBe(Server.Version);
    expect(Server).toMatchObject({ Arch: 'arm64' });
    await run('network', 'create', 'foo');
    await run('run', '-d', '--name', 'c1', '--publish-service', 'db.foo', 'web');
    await run('run', '-d', '--name', 'c2', '--net', 'foo', 'web');
    expect(await run('probe', 'c2', 'db')).toMatch(
      /^db for c2: answered \(NOERROR\)\n {2}172\.18\.0\.2 on foo/,
    );
  });
});
