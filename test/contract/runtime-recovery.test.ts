import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { readBoth, SandboxPlace } from '../rig/sandbox-place.ts';
import { buildScript } from '../rig/script.ts';
import { until } from '../rig/until.ts';

let owner = '';
beforeAll(async () => {
  owner = await buildScript(fileURLToPath(new URL('../rig/runtime-owner.ts', import.meta.url)));
});

if ((await probeLinux()).ok) {
  describe('after kill -9 of the daemon', killTests);
  describe('what an earlier daemon left', leftoverTests);
} else
  test('namespaces do not work here, and that is said', async () =>
    expect((await probeLinux()).ok).toBe(false));

/** Says a word, waits for the file, says another, and ends. */
function waiting(file: string, exitCode: number): string[] {
  return [
    'sh',
    '-c',
    `echo before; while [ ! -e ${file} ]; do sleep 0.02; done; echo after; exit ${exitCode}`,
  ];
}

function killTests() {
  test('containers run on and are taken over with everything that can be done to them', async () => {
    await using place = await SandboxPlace.create();
    const signal = join(place.root, 'go');
    const specs = [['cat', '/dev/zero'], waiting(signal, 5), []].map((command) => ({ command, start: true }));
    const ids = await place.ownedByAnotherThatIsKilled(owner, specs);
    const before = ids.map((id) => place.processesIn(id).length);
    const runtime = await place.reopen();
    expect(runtime.list().map(({ id, state }) => [id, state.status])).toEqual(
      ids.map((id) => [id, 'running']),
    );
    // Between two sleeps the one that waits has a process less.
    await until(
      'the processes are those of before',
      () => ids.map((id) => place.processesIn(id).length),
      (counts) => counts.join() === before.join(),
    );

    const exits: [string, number][] = [];
    runtime.onExit((id, code) => exits.push([id, code]));
    const [zeros = '', waiter = '', bare = ''] = ids;
    for (const id of ids) expect((await place.exec(id, ['echo', 'hi'])).stdout).toBe('hi\n');
    const client = await runtime.attach(waiter);
    const followed = place.logged(waiter, { follow: true });
    writeFileSync(signal, '');
    expect(await readBoth(client)).toEqual(['after\n', '']);
    expect(await followed).toBe('before\nafter\n');
    await runtime.stop(zeros, 60);
    await runtime.signal(bare, 'KILL');
    expect(exits).toEqual([
      [waiter, 5],
      [zeros, 143],
      [bare, 137],
    ]);
    for (const id of ids)
      await until(
        'it is over',
        () => place.processesIn(id),
        (pids) => pids.length === 0,
      );
  });

  test('what they said and how they ended meanwhile is not lost, and is told once', async () => {
    await using place = await SandboxPlace.create();
    const signal = join(place.root, 'go');
    const commands = [waiting(signal, 7), waiting(signal, 0)];
    const ids = await place.ownedByAnotherThatIsKilled(
      owner,
      commands.map((command) => ({ command, start: true })),
    );
    writeFileSync(signal, '');
    for (const id of ids)
      await until(
        'it is over',
        () => place.processesIn(id),
        (pids) => pids.length === 0,
      );
    const ended = Date.now();
    const runtime = await place.reopen();
    const exits: [string, number][] = [];
    runtime.onExit((id, code) => exits.push([id, code]));
    expect(exits.sort()).toEqual(
      [
        [ids[0], 7],
        [ids[1], 0],
      ].sort(),
    );
    for (const { id, state } of runtime.list()) {
      expect(state).toMatchObject({ status: 'exited', pid: 0 });
      expect(Math.abs(Date.parse(state.finishedAt) - ended)).toBeLessThan(5000);
      expect(Date.parse(state.finishedAt)).toBeLessThanOrEqual(ended);
      expect(await place.logged(id)).toBe('before\nafter\n');
    }
    const again = await place.reopen();
    again.onExit((id) => expect(id).toBe('told once only'));
  });

  test('what is executed in a container without a command lives on, too', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run();
    await place.exec(id, ['sh', '-c', 'sleep 4321 &']);
    await place.reopen();
    expect((await place.exec(id, ['pgrep', '-fx', 'sleep 4321'])).code).toBe(0);
    await place.runtime.stop(id, 10);
    expect(place.processesIn(id)).toEqual([]);
  });

  test('a prepared container that was never started is no process', async () => {
    await using place = await SandboxPlace.create();
    const [id = ''] = await place.ownedByAnotherThatIsKilled(owner, [
      { command: ['sleep', '1000'], start: false },
    ]);
    await until(
      'the waiting shim is gone',
      () => place.processesIn(id),
      (pids) => pids.length === 0,
    );
    expect((await place.reopen()).get(id)?.state).toMatchObject({ status: 'created', exitCode: 0 });
  });
}

function leftoverTests() {
  test('and no record knows is left alone while it runs, and cleared away when it has ended', async () => {
    await using place = await SandboxPlace.create();
    const specs = [['sleep', '1000'], []].map((command) => ({ command, start: true }));
    const ids = await place.ownedByAnotherThatIsKilled(owner, specs);
    const before = ids.map((id) => place.processesIn(id));
    rmSync(join(place.root, 'store'), { recursive: true });
    const runtime = await place.reopen();
    expect([runtime.list(), new Set(runtime.unknown?.())]).toEqual([[], new Set(ids)]);
    expect(ids.map((id) => place.processesIn(id))).toEqual(before);
    for (const id of ids) {
      place.killProcessesIn(id);
      await place.dataplane.removeSandbox(id);
    }
    await until(
      'nothing unknown runs',
      () => runtime.unknown?.(),
      (unknown) => unknown?.length === 0,
    );
    await place.reopen();
    expect((await place.leftovers()).files).toEqual([]);
  });

  test("and the machine's restart ended has an unknown exit code", async () => {
    await using place = await SandboxPlace.create();
    const specs = [['sleep', '1000'], []].map((command) => ({ command, start: true }));
    const ids = await place.ownedByAnotherThatIsKilled(owner, specs);
    for (const [at, id] of ids.entries()) {
      const file = join(place.directory, id, at === 0 ? 'process' : 'boot');
      const text = readFileSync(file, 'utf8');
      // The pid of that boot is one of this boot, of somebody else: here, by luck, of the same process.
      writeFileSync(file, text.replace(/^[0-9a-f]{8}/, '00000000'));
    }
    const runtime = await place.reopen();
    for (const id of ids)
      expect(runtime.get(id)?.state).toMatchObject({ status: 'exited', exitCode: 255, pid: 0 });
    for (const id of ids) place.killProcessesIn(id);
    await until(
      'they are gone',
      () => ids.flatMap((id) => place.processesIn(id)),
      (pids) => pids.length === 0,
    );
  });

  test("is not taken for somebody else's process of the same number", async () => {
    await using place = await SandboxPlace.create();
    const [id = ''] = await place.ownedByAnotherThatIsKilled(owner, [
      { command: ['sleep', '1000'], start: true },
    ]);
    place.killProcessesIn(id);
    const file = join(place.directory, id, 'process');
    const [boot = '', , ...stat] = readFileSync(file, 'utf8').split(' ');
    writeFileSync(file, [boot, String(process.pid), ...stat].join(' '));
    expect((await place.reopen()).get(id)?.state).toMatchObject({ status: 'exited', exitCode: 255 });
    await place.runtime.remove(id);
    expect(existsSync(`/proc/${process.pid}`)).toBe(true);
  });

  test('and whose namespace is gone has ended', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run();
    await place.dataplane.removeSandbox(id);
    expect((await place.reopen()).get(id)?.state).toMatchObject({ status: 'exited', exitCode: 255 });
  });
}
