import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

const umasks = ['0000', '0022', '0077'] as const;

interface Place extends AsyncDisposable {
  readonly daemon: TestDaemon;
  readonly container: string;
  /** Path below the data root → mode; ids and pids as words. */
  readonly modes: Readonly<Record<string, string>>;
}

async function open(umask: string): Promise<Place> {
  const parent = await mkdtemp(join(tmpdir(), 'flt-modes-'));
  const host = await TestHost.create();
  const daemon = await TestDaemon.start({
    enter: ['nsenter', `--net=${host.path}`, '/bin/sh', '-c', `umask ${umask}; exec "$@"`, 'sh'],
    dataRoot: join(parent, 'root'),
    flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
  });
  const container = await daemon.ok('run', '-d', 'x', 'sh', '-c', 'umask; exec sleep 600');
  const modes: Record<string, string> = {};
  for (const file of ['', ...(await readdir(daemon.dataRoot, { recursive: true })).sort()]) {
    const { mode } = await lstat(join(daemon.dataRoot, file));
    const name = file.replace(container, 'ID').replace(/lock\.\d+\.[0-9a-f]+/, 'lock');
    modes[name] = (mode & 0o7777).toString(8).padStart(4, '0');
  }
  return {
    daemon,
    container,
    modes,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** Whatever umask the daemon was started with, a file has the mode that it needs, and a program Docker's umask. */
describe('modes', () => {
  let places: readonly Place[];

  beforeAll(async () => {
    places = await Promise.all(umasks.map(open));
  });
  afterAll(async () => {
    for (const place of places ?? []) await place[Symbol.asyncDispose]();
  });

  it('of every file, folder and socket are the same whatever the umask', () => {
    const [open, usual, strict] = places.map(({ modes }) => modes);
    expect(open).toEqual(usual);
    expect(strict).toEqual(usual);
    expect(usual).toMatchObject({
      '': '0711',
      'fairlead.sock': '0660',
      'node-id': '0644',
      store: '0700',
      containers: '0700',
      'containers/ID': '0700',
      'containers/ID/container.log': '0600',
      'containers/ID/exit.json': '0600',
      'containers/ID/shim.sock': '0600',
      'containers/ID/process': '0600',
      'containers/ID/mounts': '0600',
      // Bound into the container, where every user reads them.
      'containers/ID/hosts': '0644',
      'containers/ID/resolv.conf': '0644',
      'containers/ID/hostname': '0644',
      'containers/ID/nsswitch.conf': '0644',
      'containers/ID/empty': '0755',
    });
    for (const mode of Object.values(usual ?? {})) expect(mode).toMatch(/^0[0-7][0145][0145]$|^0660$/);
  });

  it.each(umasks.map((umask, at) => [umask, at] as const))(
    'a program has the umask 0022 where the daemon was started with %s',
    async (_, at) => {
      const place = places[at];
      if (!place) throw new Error('no place');
      expect(await place.daemon.ok('logs', place.container)).toBe('0022');
      expect(await place.daemon.ok('exec', place.container, 'sh', '-c', 'umask')).toBe('0022');
    },
  );
});
