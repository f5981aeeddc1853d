import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parentOf } from '../../src/container/sandbox/process-identity.ts';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { nothingLeft, SandboxPlace } from '../rig/sandbox-place.ts';
import { until } from '../rig/until.ts';

if ((await probeLinux()).ok) tests();
else
  test('namespaces do not work here, and that is said', async () =>
    expect((await probeLinux()).ok).toBe(false));

/** What a started container leaves ready for the next one. */
function tests(): void {
  test('a container runs in what the one before left ready', async () => {
    await using place = await SandboxPlace.create();
    await place.run({ command: ['sleep', '1000'] });
    const spare = await spareOf(place);
    const { state } = await place.run({ command: ['sleep', '1000'], hostname: 'second' });
    expect(ancestorsOf(state.pid)).toContain(spare);
    // This process holds a database that is open without O_CLOEXEC.
    expect(readdirSync(`/proc/${state.pid}/fd`)).toEqual(['0', '1', '2']);
    const { id } = place.runtime.list().find(({ spec }) => spec.hostname === 'second') ?? { id: '' };
    expect(place.processesIn(id)).toContain(spare);
    expect((await place.exec(id, ['hostname'])).stdout).toBe('second\n');
  });

  test('one that was killed meanwhile is done without', async () => {
    await using place = await SandboxPlace.create();
    await place.run({ command: ['sleep', '1000'] });
    process.kill(await spareOf(place), 'SIGKILL');
    expect(await place.output('echo', 'there')).toMatchObject({ stdout: 'there\n', code: 0 });
  });

  test('a file system that was mounted meanwhile is seen', async () => {
    await using place = await SandboxPlace.create();
    const point = join(place.root, 'mounted');
    mkdirSync(point);
    await place.run({ command: ['sleep', '1000'] });
    await spareOf(place);
    execFileSync('mount', ['-t', 'tmpfs', 'none', point]);
    try {
      writeFileSync(join(point, 'file'), 'new\n');
      expect(await place.output('cat', join(point, 'file'))).toMatchObject({ stdout: 'new\n', code: 0 });
    } finally {
      execFileSync('umount', [point]);
    }
  });

  test('it ends with the daemon', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({ command: ['sleep', '1000'] });
    await spareOf(place);
    await place.runtime.stop(id, 0);
    await place.runtime.remove(id);
    await place.reopen();
    expect(await place.leftovers()).toEqual(nothingLeft);
  });
}

/** The host's number of the process that waits for the next container. */
async function spareOf(place: SandboxPlace): Promise<number> {
  const taken = new Set(place.runtime.list().flatMap(({ id }) => place.processesIn(id)));
  const free = async () => (await place.leftovers()).processes.filter((pid) => !taken.has(pid));
  // unshare, PID 1, what waits to mount, and the shim: each has the shim's path among its words, the first comes first.
  const [first = 0] = await until('a spare is there', free, (pids) => pids.length > 3);
  return first;
}

function ancestorsOf(pid: number): readonly number[] {
  return pid > 1 ? [pid, ...ancestorsOf(parentOf(pid))] : [];
}
