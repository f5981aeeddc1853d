import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultIsolation } from '../../src/container/isolation.ts';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { SandboxPlace } from '../rig/sandbox-place.ts';

const path = process.env.PATH;
let place: SandboxPlace;
let point = '';

/** In front of the real one: does `once` to the mount point the first time, between the plan and the copy of the mounts. */
function unshareThat(once: string): void {
  const folder = join(place.root, 'bin');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'unshare');
  const done = join(place.root, `done-${Date.now()}`);
  writeFileSync(
    file,
    `#!/bin/sh\n[ -e '${done}' ] || { : > '${done}'; ${once}; }\nexec /usr/bin/unshare "$@"\n`,
  );
  chmodSync(file, 0o755);
  process.env.PATH = `${folder}:${path}`;
}

const mounted = () =>
  execFileSync('cat', ['/proc/self/mountinfo'], { encoding: 'utf8' }).includes(` ${point} `);

if ((await probeLinux()).ok) tests();
else
  test('namespaces do not work here, and that is said', async () =>
    expect((await probeLinux()).ok).toBe(false));

/** The host's mounts may change between the look at them and the copy that a container gets. */
function tests(): void {
  beforeAll(async () => {
    place = await SandboxPlace.create();
    point = join(place.root, 'point');
    mkdirSync(point);
  });
  afterAll(async () => {
    process.env.PATH = path;
    if (mounted()) execFileSync('umount', [point]);
    await place[Symbol.asyncDispose]();
  });

  test('a file system that has gone meanwhile keeps no container from starting', async () => {
    execFileSync('mount', ['-t', 'tmpfs', 'none', point]);
    unshareThat(`umount '${point}'`);
    expect(await place.output('echo', 'there')).toMatchObject({ stdout: 'there\n', code: 0 });
    expect(mounted()).toBe(false);
  });

  /** `mount --all` leaves out what it takes for mounted already: the same source in the same place. */
  test('a tmpfs of its own is not the one that the host has there', async () => {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', point]);
    writeFileSync(join(point, 'of-the-host'), '');
    const mounts = [{ kind: 'tmpfs', target: point, options: 'rw' }] as const;
    const isolation = { ...defaultIsolation, mounts };
    const command = ['sh', '-c', `ls ${point}; touch ${point}/own`];
    expect(await place.outputOf({ command, isolation })).toMatchObject({ stdout: '', stderr: '', code: 0 });
    expect(readdirSync(point)).toEqual(['of-the-host']);
    execFileSync('umount', [point]);
  });

  test('a file system that is bound to its own place read-only cannot be written to', async () => {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', point]);
    const mounts = [
      { kind: 'bind', source: point, target: point, readOnly: true, createSource: false },
    ] as const;
    const isolation = { ...defaultIsolation, mounts };
    const command = ['touch', join(point, 'own')];
    const { stderr, code } = await place.outputOf({ command, isolation });
    expect({ stderr, code }).toEqual({ stderr: expect.stringContaining('Read-only file system'), code: 1 });
    execFileSync('umount', [point]);
  });

  test('no device can be opened on one that has come meanwhile', async () => {
    // Not the spare that the tests before have left.
    await place.reopen();
    unshareThat(`mount -t tmpfs none '${point}'`);
    const { stdout } = await place.output('grep', ` ${point} `, '/proc/self/mountinfo');
    expect(stdout.split(' ')[5]?.split(',')).toContain('nodev');
  });
}
