import { existsSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { hostSandbox } from '../../src/dataplane/sandboxes.ts';
import { containerFiles, containerSpec } from '../rig/container-spec.ts';
import { nothingLeft, SandboxPlace } from '../rig/sandbox-place.ts';
import { until } from '../rig/until.ts';
import { runtimeChecks } from './runtime.ts';
import { commonChecks } from './runtime-common.ts';

if ((await probeLinux()).ok) {
  describe('the sandbox runtime', suite);
  describe("a container's view", viewTests);
  describe("a container's command", commandTests);
} else
  test('namespaces do not work here, and that is said', async () =>
    expect((await probeLinux()).ok).toBe(false));

function suite() {
  for (const { name, run } of runtimeChecks) {
    test(name, async () => {
      await using place = await SandboxPlace.create();
      await run({ runtime: place.runtime, reopen: () => place.reopen() });
    });
  }
  for (const { name, run } of commonChecks) {
    test(name, async () => {
      await using place = await SandboxPlace.create();
      const { runtime } = place;
      const start = async (_: unknown, id: string) => {
        await place.runtime.prepare(id);
        return await place.runtime.start(id, containerFiles);
      };
      await run({ runtime, lasting: {}, start, reopen: () => place.reopen() });
    });
  }
}

function viewTests() {
  test('is its own hostname, resolv.conf, hosts and network; the host sees nothing of it', async () => {
    await using place = await SandboxPlace.create();
    const before = ['/etc/hosts', '/etc/resolv.conf', '/etc/hostname'].map((file) =>
      readFileSync(file, 'utf8'),
    );
    const show =
      'hostname; cat /etc/hostname /etc/resolv.conf /etc/hosts; getent hosts myself; ls /sys/class/net >/dev/null; ip -o link show';
    const { stdout, code } = await place.outputOf({ hostname: 'boat', command: ['sh', '-c', show] });
    const { resolvConf, hosts } = containerFiles;
    expect(stdout).toMatch(/^boat\nboat\n/);
    expect(stdout).toContain(`${resolvConf}${hosts}192.0.2.7       myself\n1: lo: <LOOPBACK,UP`);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^1: lo:/);
    expect(code).toBe(0);
    expect(
      ['/etc/hosts', '/etc/resolv.conf', '/etc/hostname'].map((file) => readFileSync(file, 'utf8')),
    ).toEqual(before);
    expect((await place.leftovers()).mounts).toEqual([]);
  });

  test("has the short id as hostname, the host's on the host's network, the other's when it shares", async () => {
    await using place = await SandboxPlace.create();
    const own = await place.run({ command: ['sleep', '1000'] });
    expect((await place.exec(own.id, ['hostname'])).stdout).toBe(`${own.id.slice(0, 12)}\n`);
    const host = await place.outputOf({ networkMode: { kind: 'host' }, command: ['hostname'] });
    expect(host.stdout).toBe(`${hostname()}\n`);
    const networkMode = { kind: 'container', containerId: own.id } as const;
    const sharer = await place.outputOf({
      networkMode,
      command: ['sh', '-c', 'hostname; readlink /proc/self/ns/net'],
    });
    const inode = statSync(place.dataplane.sandboxPath(own.id)).ino;
    expect(sharer.stdout).toBe(`${own.id.slice(0, 12)}\nnet:[${inode}]\n`);
  });

  test("on the host's network is the host's network", async () => {
    await using place = await SandboxPlace.create();
    const { stdout } = await place.outputOf({
      networkMode: { kind: 'host' },
      command: ['readlink', '/proc/self/ns/net'],
    });
    expect(stdout).toBe(`net:[${statSync(place.dataplane.sandboxPath(hostSandbox)).ino}]\n`);
  });

  test('follows setFiles while it runs', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({ command: ['sleep', '1000'] });
    const bare = await place.run();
    for (const each of [id, bare.id]) {
      await place.exec(each, ['true']);
      await place.runtime.setFiles(each, { resolvConf: 'nameserver 192.0.2.99\n', hosts: 'short\n' });
      const { stdout } = await place.exec(each, ['cat', '/etc/resolv.conf', '/etc/hosts']);
      expect(stdout).toBe('nameserver 192.0.2.99\nshort\n');
    }
  });

  test("has the environment of the Engine, not the daemon's", async () => {
    await using place = await SandboxPlace.create();
    const env = ['A=1 2', 'HOME', 'odd.name=x'];
    const { stdout } = await place.outputOf({ hostname: 'h', env, command: ['env'] });
    expect(stdout.trimEnd().split('\n').sort()).toEqual([
      'A=1 2',
      'HOSTNAME=h',
      `PATH=${process.env.PATH}`,
      'odd.name=x',
    ]);
    const user = await place.outputOf({
      user: 'nobody',
      workingDir: '/usr',
      command: ['sh', '-c', 'id -u; pwd'],
    });
    expect(user.stdout).toBe('65534\n/usr\n');
    const ids = await place.outputOf({ user: '12:34', command: ['sh', '-c', 'id -u; id -g; id -G'] });
    expect(ids.stdout).toBe('12\n34\n34\n');
  });
}

function commandTests() {
  test('ends with its own exit code, or 128 + the signal that killed it', async () => {
    await using place = await SandboxPlace.create();
    const exits: [string, number][] = [];
    place.runtime.onExit((id, code) => exits.push([id, code]));
    expect((await place.output('sh', '-c', 'exit 3')).code).toBe(3);
    expect((await place.output('sh', '-c', 'kill -SEGV $$')).code).toBe(139);
    const { id } = await place.run({ command: ['true'] });
    expect(await place.ended(id)).toBe(0);
    expect(exits).toEqual(place.runtime.list().map((each) => [each.id, each.state.exitCode]));
  });

  test('whose interpreter is missing cannot run, with and without a terminal', async () => {
    await using place = await SandboxPlace.create();
    const program = join(place.root, 'script');
    writeFileSync(program, '#!/no/such/interpreter\n', { mode: 0o755 });
    for (const tty of [false, true]) {
      const { id } = await place.runtime.create(containerSpec({ command: [program], tty }));
      await place.runtime.prepare(id);
      await expect(place.runtime.start(id, containerFiles)).rejects.toMatchObject({ kind: 'invalid' });
      expect(place.runtime.get(id)?.state).toMatchObject({ status: 'created', exitCode: 127 });
    }
  });

  test.each([
    {
      command: ['no-such-program'],
      code: 127,
      message: 'exec: "no-such-program": executable file not found in $PATH',
    },
    {
      command: ['/no/such'],
      code: 127,
      message: 'exec: "/no/such": stat /no/such: no such file or directory',
    },
    { command: ['/etc'], code: 126, message: 'exec: "/etc": is a directory' },
    { command: ['/etc/passwd'], code: 126, message: 'exec: "/etc/passwd": permission denied' },
    {
      command: ['true'],
      user: 'nobodyatall',
      code: 126,
      message: 'unable to find user nobodyatall: no matching entries in passwd file',
    },
    {
      command: ['true'],
      workingDir: '/no',
      code: 126,
      message: 'the working directory /no is no directory of this host',
    },
  ])('that cannot run leaves the container as it was: $message', async ({ code, message, ...spec }) => {
    await using place = await SandboxPlace.create();
    const { id } = await place.runtime.create(containerSpec(spec));
    await place.runtime.prepare(id);
    await expect(place.runtime.start(id, containerFiles)).rejects.toMatchObject({ kind: 'invalid', message });
    expect(place.runtime.get(id)?.state).toMatchObject({
      status: 'created',
      pid: 0,
      exitCode: code,
      error: message,
    });
    await place.runtime.release(id);
    expect(await place.leftovers()).toMatchObject({ sandboxes: [], processes: [], mounts: [] });
  });

  test("has the pid that inspect shows, and its end is its children's", async () => {
    await using place = await SandboxPlace.create();
    const script = 'setsid sleep 1001 & sleep 1002 & wait';
    const { id, state } = await place.run({ command: ['sh', '-c', script] });
    expect(readFileSync(`/proc/${state.pid}/cmdline`, 'utf8')).toBe(`sh\0-c\0${script}\0`);
    expect(readlinkSync(`/proc/${state.pid}/ns/net`)).toBe(
      `net:[${statSync(place.dataplane.sandboxPath(id)).ino}]`,
    );
    await until(
      'its children run',
      () => place.processesIn(id).length,
      (count) => count >= 6,
    );
    await place.runtime.stop(id, 10);
    await until(
      'everything ends',
      () => place.processesIn(id),
      (pids) => pids.length === 0,
    );
    expect(place.runtime.get(id)?.state).toMatchObject({ status: 'exited', pid: 0, exitCode: 143 });
  });

  test('gets SIGTERM on stop, may handle it, and is killed when it ignores it', async () => {
    await using place = await SandboxPlace.create();
    const plain = await place.run({ command: ['sleep', '1000'] });
    await place.runtime.stop(plain.id, 60);
    expect(place.runtime.get(plain.id)?.state.exitCode).toBe(143);
    const trap = (action: string) => [
      'sh',
      '-c',
      `trap '${action}' TERM; echo ready; while :; do sleep 0.05; done`,
    ];
    const polite = await place.run({ command: trap('exit 5') });
    const stubborn = await place.run({ command: trap('') });
    for (const { id } of [polite, stubborn]) await until('it is ready', () => place.logged(id));
    await place.runtime.stop(polite.id, 60);
    expect(place.runtime.get(polite.id)?.state.exitCode).toBe(5);
    await place.runtime.stop(stubborn.id, 0.2);
    expect(place.runtime.get(stubborn.id)?.state.exitCode).toBe(137);
  });

  test('gets the signal that a stop names', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({
      command: ['sh', '-c', 'trap "exit 6" USR1; echo ready; while :; do sleep 0.05; done'],
    });
    await until('it is ready', () => place.logged(id));
    await place.runtime.stop(id, 60, 'SIGUSR1');
    expect(place.runtime.get(id)?.state.exitCode).toBe(6);
  });

  test('is listed with its children and execs, and without what is above it', async () => {
    await using place = await SandboxPlace.create();
    const { id, state } = await place.run({ command: ['sh', '-c', 'sleep 1003 & wait'] });
    const listed = async () => (await place.runtime.top(id, '-o pid,args')).processes;
    const all = await until('its child runs', listed, (processes) => processes.length === 2);
    expect(all.map(([, args]) => args)).toEqual(['sh -c sleep 1003 & wait', 'sleep 1003']);
    expect(all[0]?.[0]).toBe(String(state.pid));
    expect((await place.runtime.top(id, '-ef')).titles).toContain('CMD');
    await expect(place.runtime.top(id, '-o comm')).rejects.toThrow("Couldn't find PID field in ps output");
    await place.runtime.stop(id, 0);
    await expect(place.runtime.top(id, '-ef')).rejects.toThrow('is not running');
  });

  test('gets other signals; after SIGKILL it has ended', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({
      command: ['sh', '-c', 'trap "echo hup" HUP; echo ready; while :; do sleep 0.05; done'],
    });
    await until('it is ready', () => place.logged(id));
    await place.runtime.signal(id, 'HUP');
    await until(
      'it has heard',
      () => place.logged(id),
      (text) => text === 'ready\nhup\n',
    );
    await place.runtime.signal(id, '9');
    expect(place.runtime.get(id)?.state).toMatchObject({ status: 'exited', exitCode: 137 });
  });

  test('leaves no zombies of orphans behind', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({
      command: ['sh', '-c', 'for i in 1 2 3; do (sleep 0 &); done; exec sleep 1000'],
    });
    await until(
      'only init, shim, sleep and their parent are left',
      () => place.processesIn(id).length,
      (count) => count === 4,
    );
  });

  test('whose shim is killed is over, and nothing of it stays', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({ command: ['sleep', '1000'] });
    // The shim runs it, and may be gone before it has told of its start.
    await place.exec(id, ['sh', '-c', 'kill -9 $(cut -d" " -f1 /proc/1/task/1/children)']).catch(() => {});
    expect(await place.ended(id)).toBe(137);
    await until(
      'everything ends',
      () => place.processesIn(id),
      (pids) => pids.length === 0,
    );
  });

  test('runs in fifty containers at once; after their removal nothing is left', async () => {
    await using place = await SandboxPlace.create();
    const many = await Promise.all(
      Array.from({ length: 50 }, () => place.run({ command: ['sleep', '1000'] })),
    );
    expect(new Set(many.map(({ state }) => state.pid)).size).toBe(50);
    for (const { state } of many) expect(existsSync(join('/proc', String(state.pid)))).toBe(true);
    await Promise.all(many.map(({ id }) => place.runtime.stop(id, 60)));
    expect(place.runtime.list().map(({ state }) => state.exitCode)).toEqual(many.map(() => 143));
    await Promise.all(many.map(({ id }) => place.runtime.remove(id)));
    // What waits for the next container ends with the daemon.
    await place.reopen();
    expect(await place.leftovers()).toEqual(nothingLeft);
  }, 60_000);
}
