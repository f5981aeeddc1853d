import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

/** All that a process of this machine can have: what --privileged gives back. */
const allCapabilities = /^CapBnd:\s+(\w+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '';
const dockersDefault = '00000000a80425fb';
const none = '0000000000000000';

/** What a container of the sandbox way is kept from, seen from inside; through our CLI and through Docker's. */
describe('a container', () => {
  let host: TestHost;
  let daemon: TestDaemon;
  let place: string;

  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'flt-confined-'));
    writeFileSync(join(place, 'file'), 'of the host\n');
    host = await TestHost.create();
    // What starts the daemon leaves it two open files, far above those that Node closes by itself.
    const leaking = ['bash', '-c', `exec 25<>${place}/file 200<>${place}/file; exec "$@"`, 'bash'];
    daemon = await TestDaemon.start({
      enter: [...leaking, 'nsenter', `--net=${host.path}`],
      flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
    });
  });

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    rmSync(place, { recursive: true, force: true });
  });

  const run = (...words: string[]) => daemon.run('fairlead', 'run', '--rm', ...words);
  const docker = (...words: string[]) =>
    runToEnd(['docker', ...words], { ...process.env, DOCKER_HOST: daemon.host });
  const sh = (script: string) => ['img', 'sh', '-c', script];
  const status = async (field: string, ...flags: string[]) => {
    const { stdout, stderr } = await run(...flags, 'img', 'grep', `^${field}:`, '/proc/self/status');
    return `${stdout.split(/\s+/)[1] ?? ''}${stderr}`;
  };
  /** One of them is that of the folder that is read. */
  const descriptors = ['ls', '/proc/self/fd'];
  const onlyThree = { code: 0, stdout: '0\n1\n2\n3\n', stderr: '' };

  it('inherits no descriptor: run, exec, after a restart, from a spare', async () => {
    expect(await run('img', ...descriptors)).toEqual(onlyThree);
    await daemon.ok('run', '-d', '--name', 'lasting', 'img', 'sleep', '1000');
    const exec = (...words: string[]) => daemon.run('fairlead', 'exec', ...words, 'lasting', ...descriptors);
    expect(await exec()).toEqual(onlyThree);
    expect(await exec('-u', 'nobody')).toEqual(onlyThree);
    expect(await docker('exec', 'lasting', ...descriptors)).toEqual(onlyThree);
    await daemon.ok('restart', '-t', '0', 'lasting');
    expect(await exec()).toEqual(onlyThree);
    // By now the one before has left a shim ready.
    expect(await run('-u', 'nobody', 'img', ...descriptors)).toEqual(onlyThree);
    await daemon.ok('run', '-d', '--name', 'empty', 'img');
    expect(await daemon.run('fairlead', 'exec', 'empty', ...descriptors)).toEqual(onlyThree);
  });

  it('inherits none with a terminal', async () => {
    const onTerminal = 'ls /proc/self/fd | tr "\\n" " "; readlink /proc/self/fd/0';
    const seen = { code: 0, stdout: expect.stringMatching(/^0 1 2 3 \/dev\/pts\/\d+\r\n$/) };
    expect(await run('-t', ...sh(onTerminal))).toMatchObject(seen);
    const exec = ['exec', '-t', 'lasting', 'sh', '-c', onTerminal];
    expect(await daemon.run('fairlead', ...exec)).toMatchObject(seen);
    const words = [
      process.execPath,
      'dist/bin/fairlead',
      'exec',
      '-it',
      'lasting',
      'sh',
      '-c',
      `'${onTerminal}'`,
    ];
    const typed = await runToEnd(['script', '-qec', words.join(' '), '/dev/null'], {
      ...process.env,
      FAIRLEAD_HOST: daemon.host,
    });
    // At the end of its own input script(1) sends NULs, which the terminal echoes wherever the output is.
    expect(typed.stdout.replaceAll(/\0|\^@/g, '')).toMatch(/0 1 2 3 \/dev\/pts\/\d+\r+\n/);
  });

  it('leaves none to the daemon’s own children', async () => {
    const pids = (await readFile(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8'))
      .trim()
      .split(' ');
    expect(pids.length).toBeGreaterThan(1);
    for (const pid of pids) {
      const { stdout } = await runToEnd(['find', `/proc/${pid}/fd`, '-type', 'l', '-printf', '%l\n']);
      expect(
        stdout.split('\n').filter((file) => file.includes(place) || file.includes(daemon.dataRoot)),
      ).toEqual([]);
    }
  });

  it('has Docker’s default capabilities, or those that were asked for', async () => {
    expect(await status('CapEff')).toBe(dockersDefault);
    expect(await status('CapBnd')).toBe(dockersDefault);
    expect(await status('CapInh')).toBe(none);
    expect(await status('CapEff', '--cap-drop', 'ALL')).toBe(none);
    expect(
      await status('CapEff', '--cap-drop', 'all', '--cap-add', 'net_raw', '--cap-add', 'CAP_NET_ADMIN'),
    ).toBe('0000000000003000');
    expect(await status('CapEff', '--privileged')).toBe(allCapabilities);
    expect(await status('CapEff', '--cap-add', 'ALL')).toBe(allCapabilities);
    expect(await status('CapEff', '-u', 'nobody')).toBe(none);
    expect(await status('CapBnd', '-u', 'nobody')).toBe(dockersDefault);
    expect(await status('NoNewPrivs')).toBe('0');
    expect(await status('NoNewPrivs', '--security-opt', 'no-new-privileges')).toBe('1');
  });

  it('keeps them, its limits and its groups in what is executed in it', async () => {
    const flags = [
      '--cap-drop',
      'ALL',
      '--security-opt',
      'no-new-privileges',
      '--ulimit',
      'nofile=64:128',
      '--group-add',
      '4321',
    ];
    await daemon.ok('run', '-d', '--name', 'shut', ...flags, 'img', 'sleep', '1000');
    const look = 'grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status; ulimit -n; ulimit -Hn; id -G';
    const shut = `CapEff:\t${none}\nCapBnd:\t${none}\nNoNewPrivs:\t1\n64\n128\n0 4321\n`;
    expect(await daemon.run('fairlead', 'exec', 'shut', 'sh', '-c', look)).toMatchObject({
      stdout: shut,
      code: 0,
    });
    const open = await docker('exec', '--privileged', 'shut', 'grep', 'CapEff', '/proc/self/status');
    expect(open.stdout).toBe(`CapEff:\t${allCapabilities}\n`);
    expect((await run('-t', '--ulimit', 'nofile=5', ...sh('ulimit -n'))).stdout).toBe('5\r\n');
    const tooMany = await run('--ulimit', 'nofile=999999999999', ...sh('true'));
    expect(tooMany).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('failed to set the NOFILE resource limit'),
    });
  });

  it('is a user with the groups that the host’s files give him, on a terminal of his own', async () => {
    const { stdout } = await run('-u', 'nobody', '--group-add', 'tty', 'img', 'id', '-G');
    expect(stdout).toBe('65534 5\n');
    const terminal = 'stat -c %U /proc/self/fd/0 && echo >/dev/tty && echo > $(tty)';
    expect(await run('-t', '-u', 'nobody', ...sh(terminal))).toMatchObject({
      code: 0,
      stdout: 'nobody\r\n\r\n\r\n',
    });
  });

  it('cannot write to a read-only host, but to what is its own', async () => {
    const locked = ['/etc', '/tmp', '/run', ''].map((folder) => `touch ${folder}/flt-x 2>&1`);
    const own = [`${place}/x`, '/dev/shm', `${place}/v`];
    const size = `df -k --output=size ${place}/x | tail -1`;
    const script = [
      ...locked,
      ...own.map((folder) => `touch ${folder}/y && echo ${folder}`),
      'echo x >> /etc/hosts',
      size,
    ];
    const flags = ['--read-only', '--tmpfs', `${place}/x:size=1m`, '-v', `kept:${place}/v`];
    const { stdout, stderr } = await run(...flags, ...sh(script.join('; ')));
    expect(stdout.match(/Read-only file system/g)).toHaveLength(4);
    expect(stderr).toMatch(/hosts: Read-only file system/);
    expect(stdout.split('\n').slice(4, 7)).toEqual(own);
    expect(stdout).toMatch(/\s1024\n$/);
    // The daemon still writes what it sees.
    await daemon.ok('run', '-d', '--name', 'locked', '--read-only', 'img', 'sleep', '1000');
    await daemon.ok('network', 'create', 'more');
    const before = await daemon.ok('exec', 'locked', 'cat', '/etc/hosts');
    await daemon.ok('network', 'connect', 'more', 'locked');
    expect(await daemon.ok('exec', 'locked', 'cat', '/etc/hosts')).not.toBe(before);
  });

  it('sees binds and volumes, to be read or to be written', async () => {
    const bind = ['-v', `${place}:${place}/a`, '--mount', `type=bind,src=${place},dst=${place}/b,readonly`];
    const { stdout, stderr } = await run(
      ...bind,
      ...sh(`cat ${place}/b/file; echo new > ${place}/a/made; cat ${place}/b/made; echo no > ${place}/b/not`),
    );
    expect(stdout).toBe('of the host\nnew\n');
    expect(stderr).toMatch(/Read-only file system/);
    expect(await readFile(join(place, 'made'), 'utf8')).toBe('new\n');
    await run('-v', `data:${place}/a`, ...sh(`echo kept > ${place}/a/x`));
    const reader = await docker(
      'run',
      '--rm',
      '--mount',
      `type=volume,src=data,dst=${place}/b,ro`,
      ...sh(`cat ${place}/b/x; rm ${place}/b/x`),
    );
    expect(reader).toMatchObject({
      stdout: 'kept\n',
      stderr: expect.stringContaining('Read-only file system'),
    });
    expect((await docker('volume', 'ls', '-q')).stdout).toContain('data\n');
    const missing = await run('--mount', 'type=bind,src=/no/such,dst=/x', 'img', 'true');
    expect(missing.stderr).toContain(
      'invalid mount config for type "bind": bind source path does not exist: /no/such',
    );
  });

  it('has devices, kernel settings and shared memory of its own', async () => {
    const { stdout } = await run(
      ...['--device', '/dev/kmsg', '--sysctl', 'net.ipv4.ip_forward=1', '--shm-size', '1m'],
      ...sh(
        'ls /dev | tr "\\n" " "; cat /proc/sys/net/ipv4/ip_forward; df -k --output=size /dev/shm | tail -1 | tr -d " "; ls /sys/class/net',
      ),
    );
    expect(stdout).toBe(
      'fd full kmsg mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero 1\n1024\neth0\nlo\n',
    );
    const free = await run(
      '--privileged',
      ...sh('ls /dev/loop-control; test -w /proc/sys/kernel/core_pattern && echo open'),
    );
    expect(free.stdout).toBe('/dev/loop-control\nopen\n');
  });

  it('is refused what cannot be had, by its name, and warned of limits', async () => {
    const refused: readonly (readonly [string, string])[] = [
      ['--pid=host', '--pid host is refused: '],
      ['--security-opt=apparmor=strict', '--security-opt apparmor=strict is refused: '],
      ['--device=/dev/kmsg:r', '--device /dev/kmsg with r is refused: '],
      ['--cap-add=foo', 'invalid CapAdd: unknown capability: "CAP_FOO"'],
    ];
    for (const [flag, words] of refused) {
      expect(await run(flag, 'img', 'true')).toMatchObject({
        code: 125,
        stderr: expect.stringContaining(words),
      });
      expect(await docker('run', '--rm', flag, 'img', 'true')).toMatchObject({
        code: 125,
        stderr: expect.stringContaining(words),
      });
    }
    const limited = await docker('run', '--rm', '-m', '10m', '--read-only', ...sh('touch /flt-x'));
    expect(limited.stderr).toMatch(
      /WARNING: Resources are not limited: Memory discarded\.\n(.|\n)*Read-only file system/,
    );
  });
});

/** Such as one of LXC, or of Docker: a /dev in memory, and binds below /proc that keep it from the kernel's settings. */
const containersMounts = `set -e; dev=$(mktemp -d); mount -t tmpfs tmpfs "$dev"
  for name in null zero full random urandom tty; do : >"$dev/$name"; mount --bind "/dev/$name" "$dev/$name"; done
  mkdir "$dev/pts" "$dev/shm"; mount -t devpts -o newinstance,ptmxmode=666 devpts "$dev/pts"
  ln -s pts/ptmx "$dev/ptmx"; ln -s /proc/self/fd "$dev/fd"; mount --rbind "$dev" /dev; umount -R "$dev"; rmdir "$dev"
  mount --bind /proc/sys /proc/sys; mount --bind /dev/null /proc/interrupts; exec "$@"`;

describe('a container on a host that is a container itself', () => {
  it('has a /dev of its own, and what is locked and masked for it is', async () => {
    await using host = await TestHost.create();
    const apart = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', containersMounts, 'sh'];
    await using daemon = await TestDaemon.start({
      enter: ['nsenter', `--net=${host.path}`, ...apart],
      flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
    });
    const settings =
      'test -w /proc/sys/kernel/domainname && echo open; cat /proc/interrupts; ls /dev/shm; echo $$';
    const devices = 'ls -A /dev | tr "\\n" " "';
    const ran = await daemon.run('fairlead', 'run', '--rm', 'img', 'sh', '-c', `${settings}; ${devices}`);
    expect(ran).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^\d+\n(console )?fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero $/,
      ),
      stderr: '',
    });
  });
});
