import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../../../../lib/errors.ts';
import { Failure, UsageError } from '../../../failure.ts';
import type { FlagValues } from '../../../flags/spec.ts';
import { keyValues } from '../../../flags/values.ts';
import type { isolationFlags } from './isolation-flags.ts';
import { parseMountFlag } from './mount-flag.ts';
import { bytesOf } from './sizes.ts';

type Values = FlagValues<typeof isolationFlags>;

/** Members of HostConfig, as the docker CLI sends them. @throws UsageError | Failure */
export function isolationBody(flags: Values): Record<string, unknown> {
  return {
    Binds: flags.volume.filter((text) => text.includes(':')).map(absoluteSource),
    VolumesFrom: flags['volumes-from'],
    CapAdd: flags['cap-add'],
    CapDrop: flags['cap-drop'],
    CgroupnsMode: flags.cgroupns,
    GroupAdd: flags['group-add'],
    IpcMode: flags.ipc,
    PidMode: flags.pid,
    Privileged: flags.privileged,
    ReadonlyRootfs: flags['read-only'],
    ...securityOptions(flags['security-opt']),
    UTSMode: flags.uts,
    UsernsMode: flags.userns,
    ShmSize: bytesOf('shm-size', flags['shm-size']),
    NanoCpus: nanoCpus(flags.cpus),
    Memory: bytesOf('memory', flags.memory),
    PidsLimit: flags['pids-limit'],
    Devices: flags.device.map(deviceOf),
    Ulimits: flags.ulimit.map(ulimitOf),
    Sysctls: keyValues('sysctl', flags.sysctl),
    Mounts: flags.mount.map(parseMountFlag),
    Tmpfs: Object.fromEntries(flags.tmpfs.map(pathAndOptions)),
    ...(flags.init ? { Init: true } : {}),
  };
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
  return { SecurityOpt: sent, ...(texts.some(isOpen) ? { MaskedPaths: [], ReadonlyPaths: [] } : {}) };
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

function nanoCpus(text: string): number {
  if (text === '') return 0;
  if (/^\d+(\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1e9);
  throw new UsageError(
    `invalid argument "${text}" for "--cpus" flag: failed to parse ${text} as a rational number`,
  );
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
