import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../../../../lib/errors.ts';
import { Failure, UsageError } from '../../../failure.ts';
import type { FlagValues } from '../../../flags/spec.ts';
import { keyValues } from '../../../flags/values.ts';
import type { isolationFlags } from './isolation-flags.ts';
import { parseMountFlag } from './mount-flag.ts';
import { bytesOf } from './resources/sizes.ts';

type Values = FlagValues<typeof isolationFlags>;

/** Members of HostConfig, as the docker CLI sends them. @throws UsageError | Failure */
export function isolationBody(flags: Values): Record<string, unknown> {
  return {
    Binds: orNull(flags.volume.filter((text) => text.includes(':')).map(absoluteSource)),
    VolumesFrom: orNull(flags['volumes-from']),
    CapAdd: orNull(capabilities(flags['cap-add'])),
    CapDrop: orNull(capabilities(flags['cap-drop'])),
    CgroupnsMode: flags.cgroupns,
    GroupAdd: orNull(flags['group-add']),
    IpcMode: flags.ipc,
    PidMode: flags.pid,
    Privileged: flags.privileged,
    ReadonlyRootfs: flags['read-only'],
    ...securityOptions(flags['security-opt']),
    UTSMode: flags.uts,
    UsernsMode: flags.userns,
    ShmSize: bytesOf('shm-size', flags['shm-size']),
    Devices: flags.device.map(deviceOf),
    Ulimits: flags.ulimit.map(ulimitOf),
    ...(flags.sysctl.length > 0 ? { Sysctls: keyValues('sysctl', flags.sysctl) } : {}),
    ...(flags.mount.length > 0 ? { Mounts: flags.mount.map(parseMountFlag) } : {}),
    ...(flags.tmpfs.length > 0 ? { Tmpfs: Object.fromEntries(flags.tmpfs.map(pathAndOptions)) } : {}),
    ...(flags.init ? { Init: true } : {}),
  };
}

/** As Docker's CLI spells them: `CAP_NET_ADMIN`, each once and in order; `ALL` stands for all. */
function capabilities(texts: readonly string[]): readonly string[] {
  const names = texts.map((text) => text.trim().toUpperCase().replace(/^CAP_/, ''));
  if (names.includes('ALL')) return ['ALL'];
  return [...new Set(names.map((name) => `CAP_${name}`))].sort();
}

/** Go's lists of flags that were not given are nil. */
export function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

/** Targets of `-v` without a source, in `Config`. */
export function anonymousVolumes(texts: readonly string[]): Record<string, object> {
  return Object.fromEntries(texts.filter((text) => !text.includes(':')).map((text) => [text, {}]));
}

/** `./x:/y` is below the client's directory. */
function absoluteSource(text: string): string {
  return /^\.{1,2}(\/|:)/.test(text) ? text.replace(/^[^:]*/, (source) => resolve(source)) : text;
}

/** `systempaths=unconfined` is the client's word for two empty lists; a seccomp profile is sent as the file's text. */
function securityOptions(texts: readonly string[]): Record<string, unknown> {
  const isOpen = (text: string) => /^systempaths[=:]unconfined$/.test(text);
  const sent = texts.filter((text) => !isOpen(text)).map(withProfile);
  return { SecurityOpt: orNull(sent), ...(texts.some(isOpen) ? { MaskedPaths: [], ReadonlyPaths: [] } : {}) };
}

function withProfile(text: string): string {
  const [, file = ''] = /^seccomp=(.*)$/s.exec(text) ?? [];
  if (file === '' || file === 'unconfined' || file === 'builtin') return text;
  try {
    return `seccomp=${JSON.stringify(JSON.parse(readFileSync(file, 'utf8')))}`;
  } catch (error) {
    throw new Failure(`opening seccomp profile (${file}) failed: ${messageOf(error)}`, 125);
  }
}

/** `SOURCE[:TARGET][:PERMISSIONS]` */
function deviceOf(text: string): Record<string, string> {
  const [source = '', second = '', third = ''] = text.split(':');
  const isPermissions = third === '' && /^[rwm]+$/.test(second);
  const target = isPermissions ? '' : second;
  return {
    PathOnHost: source,
    PathInContainer: target || source,
    CgroupPermissions: (isPermissions ? second : third) || 'rwm',
  };
}

/** `NAME=SOFT[:HARD]` */
function ulimitOf(text: string): Record<string, unknown> {
  const [, name = '', soft = '', hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (name === '')
    throw new UsageError(`invalid argument "${text}" for "--ulimit" flag: invalid ulimit argument: ${text}`);
  return { Name: name, Soft: Number(soft), Hard: Number(hard) };
}

function pathAndOptions(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}
