import { describe, expect, it } from 'vitest';
import { hostConfigDefaults } from '../../../../src/api/docker/containers/host-config.ts';
import { capabilityWarnings, parseCapabilities } from '../../../../src/api/docker/isolation/capabilities.ts';
import { hostOptions } from '../../../../src/api/docker/isolation/handling.ts';
import { hostOptionWarnings } from '../../../../src/api/docker/isolation/host-options.ts';
import { parseBind, parseMount, parseTmpfs } from '../../../../src/api/docker/isolation/mounts.ts';
import { parseSecurityOptions } from '../../../../src/api/docker/isolation/security-options.ts';
import { parseSysctls } from '../../../../src/api/docker/isolation/sysctls.ts';
import { defaultCapabilities } from '../../../../src/container/isolation.ts';
import { createTestApi } from '../../../rig/api.ts';

describe('the table of HostConfig', () => {
  it('has every member that a container can have', () => {
    const known = new Set(Object.keys(hostOptions));
    expect(Object.keys(hostConfigDefaults).filter((name) => !known.has(name))).toEqual([]);
  });

  it('says nothing of what nobody has set', () => {
    expect(hostOptionWarnings(hostConfigDefaults)).toEqual([]);
    expect(
      hostOptionWarnings({
        Memory: 0,
        PidsLimit: -1,
        CapDrop: [],
        Sysctls: {},
        LogConfig: { Type: '', Config: null },
      }),
    ).toEqual([]);
  });

  it('warns of limits in one line, of what it discards, and of what it does not know', () => {
    expect(
      hostOptionWarnings({
        memory: 1,
        NanoCpus: 2,
        PidsLimit: 5,
        LogConfig: { Type: 'syslog' },
        NewOption: { a: 1 },
      }),
    ).toEqual([
      'Resources are not limited: Memory, NanoCpus, PidsLimit discarded.',
      'LogConfig: log drivers and their options are discarded: Fairlead keeps the output itself, 20 MB at most.',
      'HostConfig.NewOption is not known, and is discarded.',
    ]);
  });

  it.each([
    [{ PidMode: 'host' }, '--pid host is refused: '],
    [{ pidmode: 'host' }, '--pid host is refused: '],
    [{ UsernsMode: 'remap' }, '--userns remap is refused: '],
    [{ Runtime: 'kata' }, '--runtime kata is refused: '],
    [{ Isolation: 'hyperv' }, '--isolation hyperv is refused: '],
    [{ DeviceCgroupRules: ['c 1:3 r'] }, '--device-cgroup-rule is refused: '],
    [{ DeviceRequests: [{ Count: -1 }] }, '--gpus is refused: '],
    [{ StorageOpt: { size: '1G' } }, '--storage-opt is refused: '],
    [{ VolumeDriver: 'nfs' }, '--volume-driver nfs is refused: '],
  ])('refuses %j by its name, and says why', (given, words) => {
    const refused = expect.objectContaining({
      kind: 'unsupported',
      message: expect.stringMatching(`^${words}.{20}`),
    });
    expect(() => hostOptionWarnings(given)).toThrow(refused);
    expect(hostOptionWarnings(given, false)).toEqual([]);
  });
});

describe('capabilities', () => {
  it('are the Engine’s fourteen, more, fewer, all or none', () => {
    expect(parseCapabilities([], [], false)).toEqual(defaultCapabilities);
    expect(parseCapabilities(['net_admin', 'CAP_SYS_TIME'], ['Chown'], false)).toEqual([
      ...defaultCapabilities.filter((name) => name !== 'chown'),
      'net_admin',
      'sys_time',
    ]);
    expect(parseCapabilities([], ['ALL'], false)).toEqual([]);
    expect(parseCapabilities(['cap_net_raw'], ['all'], false)).toEqual(['net_raw']);
    expect(parseCapabilities(['ALL'], [], false)).toBeUndefined();
    expect(parseCapabilities(['ALL'], ['SYS_ADMIN'], false)).toHaveLength(40);
    expect(parseCapabilities([], ['ALL'], true)).toBeUndefined();
  });

  it('that do not exist are refused', () => {
    expect(capabilityWarnings(['SYS_TIME', 'net_admin', 'ALL'], 0xa8acfdffn)).toEqual([
      'CapAdd: the daemon itself does not have SYS_TIME: discarded.',
    ]);
    expect(capabilityWarnings(['CAP_CHECKPOINT_RESTORE'], -1n)).toEqual([]);
    expect(() => parseCapabilities(['foo'], [], false)).toThrow(
      'invalid CapAdd: unknown capability: "CAP_FOO"',
    );
    expect(() => parseCapabilities([], ['CAP_'], true)).toThrow(
      'invalid CapDrop: unknown capability: "CAP_"',
    );
  });
});

describe('mounts', () => {
  it('of -v', () => {
    expect(parseBind('/a/../b/:/c//d:ro,z')).toEqual({
      kind: 'bind',
      source: '/b',
      target: '/c/d',
      readOnly: true,
      createSource: true,
    });
    expect(parseBind('data:/c')).toEqual({
      kind: 'volume',
      source: 'data',
      target: '/c',
      readOnly: false,
      anonymous: false,
    });
    expect(parseBind('/only')).toMatchObject({ kind: 'volume', target: '/only', anonymous: true });
  });

  it.each([
    ['/a:/', "invalid volume specification: '/a:/': invalid specification: destination can't be '/'"],
    ['/a:b', "invalid volume specification: '/a:b': invalid mount path: 'b' mount path must be absolute"],
    ['/a:/b:ro:x', "invalid volume specification: '/a:/b:ro:x'"],
    ['/a:/b:odd', 'invalid mode: odd'],
    ['a b:/b', 'create a b: "a b" includes invalid characters for a local volume name'],
    ['/a:/b:rshared', "bind-propagation=rshared is refused: a container's mounts are private"],
    ['/a:/proc/x', 'cannot be mounted because it is inside /proc'],
    ['/a\n/etc:/b', 'a path must not have control characters'],
  ])('refuse %j', (text, message) => {
    expect(() => parseBind(text)).toThrow(message);
  });

  it('of --mount need what they name', () => {
    const spec = {
      ...{ Type: 'bind', Source: '/no/such', Target: '/x', ReadOnly: false },
      BindOptions: { Propagation: '', NonRecursive: false, CreateMountpoint: false },
      VolumeOptions: { Subpath: '', DriverConfig: { Name: '', Options: {} } },
      TmpfsOptions: { SizeBytes: 0, Mode: 0, Options: undefined },
    };
    expect(() => parseMount(spec, true)).toThrow(
      'invalid mount config for type "bind": bind source path does not exist: /no/such',
    );
    expect(parseMount(spec, false)).toMatchObject({ kind: 'bind', createSource: false });
    expect(() => parseMount({ ...spec, Type: 'npipe' }, true)).toThrow('--mount type=npipe is refused');
    const tmpfs = {
      ...spec,
      Type: 'tmpfs',
      Source: '',
      TmpfsOptions: { SizeBytes: 4096, Mode: 0o1770, Options: [['noatime']] },
    };
    expect(parseMount(tmpfs, true)).toEqual({
      kind: 'tmpfs',
      target: '/x',
      options: 'noexec,nosuid,nodev,size=4096,mode=1770,noatime',
    });
  });

  it('in memory take only what makes no device of a file', () => {
    expect(parseTmpfs('exec,size=1m')).toBe('noexec,nosuid,nodev,exec,size=1m');
    expect(() => parseTmpfs('dev')).toThrow('invalid tmpfs option ["dev"]');
    expect(() => parseTmpfs('size=1m /x')).toThrow('invalid tmpfs option');
  });
});

describe('security options', () => {
  it('are done, or there is nothing to do', () => {
    expect(parseSecurityOptions(['no-new-privileges'])).toBe(true);
    expect(parseSecurityOptions(['no-new-privileges:true', 'seccomp=unconfined'])).toBe(true);
    expect(parseSecurityOptions(['no-new-privileges=false', 'apparmor:unconfined', 'label=disable'])).toBe(
      false,
    );
  });

  it.each([
    [
      'seccomp={"defaultAction":"x"}',
      '--security-opt seccomp={"defaultAction":"x"} is refused: system calls',
    ],
    ['apparmor=docker-default', '--security-opt apparmor=docker-default is refused: no AppArmor profile'],
    ['label=type:x', '--security-opt label=type:x is refused: containers are not labelled'],
    ['odd', 'invalid --security-opt 1: "odd"'],
    ['odd=1', 'invalid --security-opt 2: "odd=1"'],
    ['no-new-privileges=perhaps', 'invalid --security-opt 2: "no-new-privileges=perhaps"'],
  ])('%s is refused', (text, message) => {
    expect(() => parseSecurityOptions([text])).toThrow(message);
  });
});

describe('kernel settings', () => {
  it.each([
    [{ 'kernel.panic': '1' }, 'bridge', '', 'sysctl "kernel.panic" is not in a separate kernel namespace'],
    [{ 'net/../kernel/x': '1' }, 'bridge', '', undefined],
    [
      { 'net.ipv4.ip_forward': '1' },
      'host',
      '',
      'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
    ],
    [
      { 'kernel.sem': '1' },
      'bridge',
      'host',
      'sysctl "kernel.sem" is not allowed in the hosts ipc namespace',
    ],
    [{ 'net.x': '1\nkernel/panic' }, 'bridge', '', 'sysctl "net.x" has characters that no setting has'],
  ])('%j on %s', (Sysctls, network, IpcMode, message) => {
    const parse = () => parseSysctls({ Sysctls, IpcMode }, network);
    if (message === undefined) expect(Object.keys(parse())).toEqual(['net....kernel.x']);
    else expect(parse).toThrow(message);
  });
});

describe('volumes', () => {
  it('are listed, made once, in use by containers, and pruned', async () => {
    await using api = await createTestApi();
    const names = async (query = '') =>
      JSON.parse((await api.call('GET', `/volumes${query}`)).text).Volumes.map(
        (v: { Name: string }) => v.Name,
      );
    const made = await api.call('POST', '/volumes/create', { Name: 'data', Labels: { by: 'me' } });
    expect([made.status, made.json()]).toMatchObject([
      201,
      { Name: 'data', Driver: 'local', Labels: { by: 'me' } },
    ]);
    const nameless = await api.call('POST', '/volumes/create');
    expect(nameless.json()).toMatchObject({ Name: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const HostConfig = { Binds: ['data:/x'] };
    await api.call('POST', '/containers/create?name=c1', { Image: 'x', HostConfig });
    expect((await api.call('GET', '/containers/c1/json')).json()).toMatchObject({
      Mounts: [{ Type: 'volume', Name: 'data', Destination: '/x', RW: true }],
    });
    expect((await api.call('DELETE', '/volumes/data')).json()).toMatchObject({
      message: expect.stringMatching(/^remove data: volume is in use - \[[0-9a-f]{64}\]$/),
    });
    expect(await names('?filters={"dangling":["false"]}')).toEqual(['data']);
    expect((await api.call('POST', '/volumes/prune')).json()).toMatchObject({
      VolumesDeleted: [expect.any(String)],
    });
    expect(await names()).toEqual(['data']);
    await api.call('DELETE', '/containers/c1');
    expect((await api.call('DELETE', '/volumes/data')).status).toBe(204);
    expect((await api.call('DELETE', '/volumes/data')).json()).toEqual({
      message: 'get data: no such volume',
    });
    expect((await api.call('POST', '/volumes/create', { Name: '../x' })).status).toBe(400);
    expect((await api.call('POST', '/volumes/create', { Name: 'n', Driver: 'nfs' })).status).toBe(404);
  });
});
