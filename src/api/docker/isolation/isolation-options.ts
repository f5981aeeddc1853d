import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import type { Container } from '../../../container/container.ts';
import {
  type Device,
  defaultIsolation,
  defaultMaskedPaths,
  defaultReadonlyPaths,
  defaultShmSize,
  type Isolation,
  type Mount,
  type Ulimit,
} from '../../../container/isolation.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { go } from '../../go/json.ts';
import { parseCapabilities } from './capabilities.ts';
import { refusal } from './host-options.ts';
import { mountList, parseBind, parseMount, parseTmpfs } from './mounts.ts';
import { parseSecurityOptions } from './security-options.ts';
import { parseSysctls } from './sysctls.ts';

const nullableTexts = z.array(z.string({ error: 'string' }), { error: '[]string' }).nullish();

/** The members of HostConfig that are about what a container may do and see. */
export const isolationMembers = {
  Binds: go.texts(),
  VolumesFrom: go.texts(),
  CapAdd: go.texts(),
  CapDrop: go.texts(),
  CgroupnsMode: go.text(),
  GroupAdd: go.texts(),
  IpcMode: go.text(),
  Privileged: go.flag(),
  ReadonlyRootfs: go.flag(),
  SecurityOpt: go.texts(),
  UTSMode: go.text(),
  ShmSize: go.int(),
  Devices: go.list(
    go.object('container.DeviceMapping', {
      PathOnHost: go.text(),
      PathInContainer: go.text(),
      CgroupPermissions: go.text(),
    }),
    '[]container.DeviceMapping',
  ),
  Ulimits: go.list(
    go.object('container.Ulimit', { Name: go.text(), Soft: go.int(), Hard: go.int() }),
    '[]*container.Ulimit',
  ),
  MaskedPaths: nullableTexts,
  ReadonlyPaths: nullableTexts,
  Mounts: mountList,
  Tmpfs: go.textMap(),
  Sysctls: go.textMap(),
};

const members = z.object(isolationMembers);
type Members = z.infer<typeof members>;

export interface IsolationRequest {
  readonly host: Members;
  /** Targets of volumes without a name. */
  readonly volumes: readonly string[];
  readonly hostname: string;
  readonly networkMode: string;
  /** False where a container is a record: only what could be nowhere is refused then. */
  readonly enforced: boolean;
  readonly find: (ref: string) => Container;
}

/** @returns undefined for the defaults @throws invalid, in the Engine's words | unsupported, with the option and why */
export function parseIsolation(request: IsolationRequest): Isolation | undefined {
  const { host } = request;
  const capabilities = parseCapabilities(host.CapAdd, host.CapDrop, host.Privileged);
  const isolation: Isolation = {
    privileged: host.Privileged,
    ...(capabilities ? { capabilities } : {}),
    noNewPrivileges: enforced(request, false, () => parseSecurityOptions(host.SecurityOpt)),
    readOnly: host.ReadonlyRootfs,
    groups: host.GroupAdd,
    ulimits: host.Ulimits.map(parseUlimit),
    sysctls: parseSysctls(host, request.networkMode),
    mounts: parseMounts(request),
    devices: host.Devices.map((device) =>
      enforced(request, recordedDevice(device), () => parseDevice(device)),
    ),
    shmSize: parseShmSize(host.ShmSize),
    ipc: enforced(request, 'private', () => parseIpc(host.IpcMode)),
    uts: parseUts(host.UTSMode, request.hostname),
    cgroup: oneOf(host.CgroupnsMode || 'private', ['private', 'host'], 'invalid cgroup namespace mode: '),
    maskedPaths: host.Privileged ? [] : (host.MaskedPaths ?? defaultMaskedPaths),
    readonlyPaths: host.Privileged ? [] : (host.ReadonlyPaths ?? defaultReadonlyPaths),
  };
  return isDeepStrictEqual(isolation, defaultIsolation) ? undefined : isolation;
}

/** What is refused since it cannot be done is no question where nothing is done. */
function enforced<T>(request: Pick<IsolationRequest, 'enforced'>, recorded: T, parse: () => T): T {
  return request.enforced ? parse() : recorded;
}

const rlimits = new Set([
  ...['core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice'],
  ...['nofile', 'nproc', 'rss', 'rtprio', 'rttime', 'sigpending', 'stack'],
]);

function parseUlimit({ Name, Soft, Hard }: Members['Ulimits'][number]): Ulimit {
  if (!rlimits.has(Name)) throw new FairleadError('invalid', `invalid ulimit type: ${Name}`);
  if (Hard !== -1 && (Soft === -1 || Soft > Hard)) {
    throw new FairleadError(
      'invalid',
      `ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`,
    );
  }
  return { name: Name, soft: Soft, hard: Hard };
}

function parseMounts(request: IsolationRequest): readonly Mount[] {
  const { host } = request;
  const mounts = [
    ...host.Binds.map(parseBind),
    ...host.Mounts.map((mount) => parseMount(mount, request.enforced)),
    ...Object.entries(host.Tmpfs).map(([target, options]): Mount => {
      const place = parseBind(target).target;
      return { kind: 'tmpfs', target: place, options: parseTmpfs(options) };
    }),
  ];
  const taken = new Set<string>();
  for (const { target } of mounts) {
    if (taken.has(target)) throw new FairleadError('invalid', `Duplicate mount point: ${target}`);
    taken.add(target);
  }
  const further = [
    ...host.VolumesFrom.flatMap((text) => volumesFrom(text, request.find)),
    ...request.volumes.map(parseBind),
  ];
  const all = [...mounts, ...further.filter(({ target }) => !taken.has(target))];
  if (request.enforced && !host.Privileged) for (const mount of all) refuseReplaced(mount);
  return all;
}

/** A container has its own /dev, /proc and /sys, so the host's are not to be found in it. */
function refuseReplaced(mount: Mount): void {
  if (mount.kind !== 'bind' || !/^\/(dev|proc|sys)(\/|$)/.test(mount.source)) return;
  throw refusal(
    `a mount of ${mount.source}`,
    'a container has a /dev, a /proc and a /sys of its own; give it a device with --device, or all of them with --privileged',
  );
}

/** `CONTAINER[:ro|rw]`: what it has mounted now. */
function volumesFrom(text: string, find: (ref: string) => Container): readonly Mount[] {
  const [ref = '', mode = ''] = text.split(':');
  if (!['', 'ro', 'rw'].includes(mode)) throw new FairleadError('invalid', `invalid mode: ${mode}`);
  const mounts = find(ref).spec.isolation?.mounts ?? [];
  return mounts.flatMap((mount) => {
    if (mount.kind === 'tmpfs') return [];
    const shared = mode === '' ? mount : { ...mount, readOnly: mode === 'ro' };
    return [shared.kind === 'volume' ? { ...shared, anonymous: false } : shared];
  });
}

type DeviceMapping = Members['Devices'][number];

function recordedDevice({ PathOnHost, PathInContainer }: DeviceMapping): Device {
  return { source: PathOnHost, target: PathInContainer || PathOnHost };
}

function parseDevice(mapping: DeviceMapping): Device {
  const device = recordedDevice(mapping);
  const option = `--device ${device.source}`;
  for (const path of [device.source, device.target]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    if (!/^\/dev\/[^\u0000-\u001f\u007f]+$/.test(path) || path.split('/').includes('..')) {
      throw refusal(option, `${JSON.stringify(path)} is not below /dev`);
    }
  }
  const permissions = mapping.CgroupPermissions || 'rwm';
  if (!/^[rwm]+$/.test(permissions)) {
    throw new FairleadError('invalid', `bad mode specified: ${permissions}`);
  }
  if (!permissions.includes('r') || !permissions.includes('w')) {
    throw refusal(
      `${option} with ${permissions}`,
      'no device control group is kept, so a device is given whole: rw',
    );
  }
  return device;
}

function parseShmSize(bytes: number): number {
  if (bytes < 0) throw new FairleadError('invalid', 'SHM size can not be less than 0');
  return bytes || defaultShmSize;
}

function parseIpc(mode: string): Isolation['ipc'] {
  if (mode.startsWith('container:')) {
    throw refusal(`--ipc ${mode}`, 'IPC namespaces are not shared between containers; host is possible');
  }
  const known = oneOf(mode || 'private', ['private', 'shareable', 'host', 'none'], 'invalid IPC mode: ');
  return known === 'shareable' ? 'private' : known;
}

function parseUts(mode: string, hostname: string): Isolation['uts'] {
  const uts = oneOf(mode || 'private', ['private', 'host'], 'invalid UTS mode: ');
  if (uts === 'host' && hostname !== '') {
    throw new FairleadError('invalid', 'conflicting options: hostname and the UTS mode');
  }
  return uts;
}

function oneOf<T extends string>(text: string, values: readonly T[], complaint: string): T {
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  throw new FairleadError('invalid', `${complaint}${text}`);
}
