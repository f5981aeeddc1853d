import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBody, detached } from '../../../../../src/cli/commands/container/create/body.ts';
import { createFlags } from '../../../../../src/cli/commands/container/create/flags.ts';
import { parseMountFlag } from '../../../../../src/cli/commands/container/create/mount-flag.ts';
import { parseWords } from '../../../../../src/cli/flags/parse.ts';

async function bodyOf(...words: string[]): Promise<Record<string, unknown>> {
  const { flags, given, args } = await parseWords([...words, 'img'], createFlags, false);
  return createBody(flags, args, detached, {}, given);
}

/** As docker 28's CLI sends them. */
describe('run and create', () => {
  it('send what a container may do and see', async () => {
    const body = await bodyOf(
      ...['--read-only', '--cap-add', 'NET_ADMIN', '--cap-drop=ALL', '--security-opt', 'no-new-privileges'],
      ...['--tmpfs', '/x', '--tmpfs', '/y:size=1m,exec', '--ulimit', 'nofile=64', '--ulimit', 'core=0:-1'],
      ...[
        '--sysctl',
        'net.ipv4.ip_forward=1',
        '--device',
        '/dev/a',
        '--device',
        '/dev/b:/dev/c:r',
        '--device',
        '/dev/d:rw',
      ],
      ...['-v', '/a:/b:ro', '-v', './rel:/c', '-v', '/anonymous', '--volumes-from', 'other:ro'],
      ...[
        '--group-add',
        'tty',
        '--ipc',
        'host',
        '--uts',
        'host',
        '--cgroupns',
        'host',
        '--userns',
        'host',
        '--pid',
        'host',
      ],
      ...['--shm-size', '1.5g', '-m', '64m', '--cpus', '1.5', '--pids-limit', '7', '--init'],
    );
    expect(body.Volumes).toEqual({ '/anonymous': {} });
    expect(body.HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      CapAdd: ['CAP_NET_ADMIN'],
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Tmpfs: { '/x': '', '/y': 'size=1m,exec' },
      Ulimits: [
        { Name: 'nofile', Soft: 64, Hard: 64 },
        { Name: 'core', Soft: 0, Hard: -1 },
      ],
      Sysctls: { 'net.ipv4.ip_forward': '1' },
      Devices: [
        { PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'rwm' },
        { PathOnHost: '/dev/b', PathInContainer: '/dev/c', CgroupPermissions: 'r' },
        { PathOnHost: '/dev/d', PathInContainer: '/dev/d', CgroupPermissions: 'rw' },
      ],
      Binds: ['/a:/b:ro', `${resolve('rel')}:/c`],
      VolumesFrom: ['other:ro'],
      GroupAdd: ['tty'],
      IpcMode: 'host',
      UTSMode: 'host',
      CgroupnsMode: 'host',
      UsernsMode: 'host',
      PidMode: 'host',
      ShmSize: 1_610_612_736,
      Memory: 67_108_864,
      NanoCpus: 1_500_000_000,
      PidsLimit: 7,
      Init: true,
    });
    const open = await bodyOf(
      '--security-opt',
      'systempaths=unconfined',
      '--security-opt',
      'seccomp=unconfined',
    );
    expect(open.HostConfig).toMatchObject({
      SecurityOpt: ['seccomp=unconfined'],
      MaskedPaths: [],
      ReadonlyPaths: [],
    });
  });

  it('read --mount as a line of comma-separated values', () => {
    expect(parseMountFlag('type=bind,"src=/a,b",dst=/c,ro,bind-propagation=rprivate')).toEqual({
      Type: 'bind',
      Source: '/a,b',
      Target: '/c',
      ReadOnly: true,
      BindOptions: { Propagation: 'rprivate' },
    });
    expect(parseMountFlag('type=tmpfs,target=/x,tmpfs-size=1m,tmpfs-mode=1770')).toEqual({
      Type: 'tmpfs',
      Target: '/x',
      TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o1770 },
    });
    expect(parseMountFlag('source=data,destination=/x,readonly=false')).toMatchObject({
      Type: 'volume',
      ReadOnly: false,
    });
  });

  it.each([
    ['--ulimit', 'nofile', 'invalid ulimit argument: nofile'],
    ['--shm-size', 'much', "invalid size: 'much'"],
    ['--mount', 'type=bind,src', "invalid field 'src' must be a key=value pair"],
    ['--mount', 'type=bind,odd=1', "unexpected key 'odd' in 'odd=1'"],
    ['--mount', 'type=bind,src=/a', 'target is required'],
    ['--cpus', 'x', 'failed to parse x as a rational number'],
    ['--pids-limit', 'x', 'strconv.ParseInt: parsing "x": invalid syntax'],
  ])('refuse %s %s', async (flag, value, words) => {
    await expect(bodyOf(flag, value)).rejects.toThrow(
      `invalid argument "${value}" for "${flag}" flag: ${words}`,
    );
  });
});
