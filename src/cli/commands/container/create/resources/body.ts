import { Failure, UsageError } from '../../../../failure.ts';
import type { FlagValues } from '../../../../flags/spec.ts';
import { keyValues } from '../../../../flags/values.ts';
import { orNull } from '../isolation-body.ts';
import { type resourceFlags, windowsFlags } from './flags.ts';
import { bytesOf } from './sizes.ts';

type Values = FlagValues<typeof resourceFlags>;

/** Members of HostConfig, as the docker CLI sends them. @throws UsageError | Failure, in its words */
export function resourceBody(flags: Values, given: ReadonlySet<string>): Record<string, unknown> {
  refuseWindowsFlags(given);
  return {
    // Left out where they are empty, as Go does.
    ...(flags.annotation.length > 0 ? { Annotations: keyValues('annotation', flags.annotation) } : {}),
    BlkioWeight: flags['blkio-weight'],
    BlkioWeightDevice: flags['blkio-weight-device'].map(weightOf),
    CgroupParent: flags['cgroup-parent'],
    CpuCount: 0,
    CpuPercent: 0,
    CpuPeriod: flags['cpu-period'],
    CpuQuota: flags['cpu-quota'],
    CpuRealtimePeriod: flags['cpu-rt-period'],
    CpuRealtimeRuntime: flags['cpu-rt-runtime'],
    CpuShares: flags['cpu-shares'],
    NanoCpus: nanoCpus(flags.cpus),
    CpusetCpus: flags['cpuset-cpus'],
    CpusetMems: flags['cpuset-mems'],
    DeviceCgroupRules: orNull(flags['device-cgroup-rule'].map(deviceRule)),
    BlkioDeviceReadBps: flags['device-read-bps'].map((text) => rateOf('device-read-bps', text)),
    BlkioDeviceReadIOps: flags['device-read-iops'].map((text) => rateOf('device-read-iops', text)),
    BlkioDeviceWriteBps: flags['device-write-bps'].map((text) => rateOf('device-write-bps', text)),
    BlkioDeviceWriteIOps: flags['device-write-iops'].map((text) => rateOf('device-write-iops', text)),
    DeviceRequests: flags.gpus === '' ? null : [gpusOf(flags.gpus)],
    IOMaximumBandwidth: 0,
    IOMaximumIOps: 0,
    Isolation: flags.isolation,
    ...(flags['kernel-memory'] === ''
      ? {}
      : { KernelMemory: bytesOf('kernel-memory', flags['kernel-memory']) }),
    LogConfig: logConfig(flags),
    ...memoryBody(flags),
    OomKillDisable: flags['oom-kill-disable'],
    OomScoreAdj: flags['oom-score-adj'],
    PidsLimit: flags['pids-limit'],
    Runtime: flags.runtime,
    ...(flags['storage-opt'].length > 0 ? { StorageOpt: storageOptions(flags['storage-opt']) } : {}),
    VolumeDriver: flags['volume-driver'],
  };
}

function refuseWindowsFlags(given: ReadonlySet<string>): void {
  const refused = windowsFlags.filter((flag) => given.has(flag));
  const why =
    'is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux';
  if (refused.length > 0) throw new Failure(refused.map((flag) => `"--${flag}" ${why}`).join('\n'));
}

function memoryBody(flags: Values): Record<string, unknown> {
  const swappiness = flags['memory-swappiness'];
  if (swappiness < -1 || swappiness > 100)
    throw new Failure(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`, 125);
  return {
    Memory: bytesOf('memory', flags.memory),
    MemoryReservation: bytesOf('memory-reservation', flags['memory-reservation']),
    MemorySwap: bytesOf('memory-swap', flags['memory-swap']),
    MemorySwappiness: swappiness,
  };
}

function nanoCpus(text: string): number {
  if (text === '') return 0;
  if (/^\d+(\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1e9);
  throw new UsageError(
    `invalid argument "${text}" for "--cpus" flag: failed to parse ${text} as a rational number`,
  );
}

function deviceRule(text: string): string {
  if (/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw new UsageError(
    `invalid argument "${text}" for "--device-cgroup-rule" flag: invalid device cgroup format '${text}'`,
  );
}

/** `/dev/sda:1mb`, or a number of operations. */
function rateOf(flag: string, text: string): Record<string, unknown> {
  const { Path, value } = devicePair(flag, text);
  const isBytes = flag.endsWith('bps');
  const form = isBytes ? /^\d+ ?([kmgt]i?b?|b)?$/i : /^\d+$/;
  if (form.test(value)) return { Path, Rate: isBytes ? bytesOf(flag, value) : Number(value) };
  const format = isBytes
    ? '<device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb'
    : '<device-path>:<number>. Number must be a positive integer';
  throw wrong(flag, text, `invalid rate for device: ${text}. The correct format is ${format}`);
}

function weightOf(text: string): Record<string, unknown> {
  const { Path, value } = devicePair('blkio-weight-device', text);
  const Weight = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Weight === 0 || (Weight >= 10 && Weight <= 1000)) return { Path, Weight };
  throw wrong('blkio-weight-device', text, `invalid weight for device: ${text}`);
}

function devicePair(flag: string, text: string): { readonly Path: string; readonly value: string } {
  const [, Path = '', value = ''] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  if (Path === '') throw wrong(flag, text, `bad format: ${text}`);
  if (!Path.startsWith('/dev/')) throw wrong(flag, text, `bad format for device path: ${text}`);
  return { Path, value };
}

function wrong(flag: string, text: string, why: string): UsageError {
  return new UsageError(`invalid argument "${text}" for "--${flag}" flag: ${why}`);
}

/** `all`, a number, or fields such as `device=0,driver=nvidia`. */
function gpusOf(text: string): Record<string, unknown> {
  const fields = (text.match(/"[^"]*"|[^,]+/g) ?? []).map((field) => field.replace(/^"(.*)"$/, '$1'));
  const request: Record<string, unknown> = { Options: {}, Capabilities: [['gpu']] };
  for (const field of fields) Object.assign(request, gpuField(field));
  return 'Count' in request || 'DeviceIDs' in request ? request : { ...request, Count: 1 };
}

function gpuField(field: string): Record<string, unknown> {
  const [key = '', value] = field.split(/=(.*)/s);
  if (value === undefined || key === 'count') return { Count: gpuCount(value ?? key) };
  if (key === 'driver') return { Driver: value };
  if (key === 'device') return { DeviceIDs: value.split(',') };
  if (key === 'capabilities') return { Capabilities: [[...value.split(','), 'gpu']] };
  if (key === 'options') return { Options: keyValues('gpus', value.split(',')) };
  throw new UsageError(
    `invalid argument "${field}" for "--gpus" flag: unexpected key '${key}' in '${field}'`,
  );
}

function gpuCount(text: string): number {
  if (text === 'all') return -1;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new UsageError(
    `invalid argument "${text}" for "--gpus" flag: invalid count (${text}): value must be either "all" or an integer: invalid syntax`,
  );
}

function logConfig(flags: Values): Record<string, unknown> {
  const [Type, options] = [flags['log-driver'], flags['log-opt']];
  if (Type === 'none' && options.length > 0) throw new Failure('invalid logging opts for driver none', 125);
  return { Type, Config: keyValues('log-opt', options) };
}

function storageOptions(texts: readonly string[]): Record<string, string> {
  if (texts.some((text) => !text.includes('='))) throw new Failure('invalid storage option', 125);
  return keyValues('storage-opt', texts);
}
