import { list, number, text, toggle } from '../../../../flags/spec.ts';

/** Limits, and what else of `docker run` is the daemon's to do, to refuse or to warn of. */
export const resourceFlags = {
  annotation: list('Add an annotation to the container (passed through to the OCI runtime)', { map: true }),
  'blkio-weight': number('Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)', {
    initial: 0,
  }),
  'blkio-weight-device': list('Block IO weight (relative device weight)'),
  'cgroup-parent': text('Optional parent cgroup for the container'),
  'cpu-count': number('CPU count (Windows only)', { initial: 0 }),
  'cpu-percent': number('CPU percent (Windows only)', { initial: 0 }),
  'cpu-period': number('Limit CPU CFS (Completely Fair Scheduler) period', { initial: 0 }),
  'cpu-quota': number('Limit CPU CFS (Completely Fair Scheduler) quota', { initial: 0 }),
  'cpu-rt-period': number('Limit CPU real-time period in microseconds', { initial: 0 }),
  'cpu-rt-runtime': number('Limit CPU real-time runtime in microseconds', { initial: 0 }),
  'cpu-shares': number('CPU shares (relative weight)', { short: 'c', initial: 0 }),
  cpus: text('Number of CPUs'),
  'cpuset-cpus': text('CPUs in which to allow execution (0-3, 0,1)'),
  'cpuset-mems': text('MEMs in which to allow execution (0-3, 0,1)'),
  'device-cgroup-rule': list('Add a rule to the cgroup allowed devices list'),
  'device-read-bps': list('Limit read rate (bytes per second) from a device'),
  'device-read-iops': list('Limit read rate (IO per second) from a device'),
  'device-write-bps': list('Limit write rate (bytes per second) to a device'),
  'device-write-iops': list('Limit write rate (IO per second) to a device'),
  gpus: text("GPU devices to add to the container ('all' to pass all GPUs)"),
  'io-maxbandwidth': text('Maximum IO bandwidth limit for the system drive (Windows only)'),
  'io-maxiops': number('Maximum IOps limit for the system drive (Windows only)', { initial: 0 }),
  isolation: text('Container isolation technology'),
  'kernel-memory': text('Kernel memory limit'),
  'log-driver': text('Logging driver for the container'),
  'log-opt': list('Log driver options'),
  memory: text('Memory limit', { short: 'm' }),
  'memory-reservation': text('Memory soft limit'),
  'memory-swap': text("Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
  'memory-swappiness': number('Tune container memory swappiness (0 to 100)', { initial: -1 }),
  'oom-kill-disable': toggle('Disable OOM Killer'),
  'oom-score-adj': number("Tune host's OOM preferences (-1000 to 1000)", { initial: 0 }),
  'pids-limit': number('Tune container pids limit (set -1 for unlimited)', { initial: 0 }),
  runtime: text('Runtime to use for this container'),
  'storage-opt': list('Storage driver options for the container'),
  'volume-driver': text('Optional volume driver for the container'),
};

/** Of Windows alone, which no daemon of ours runs on as the docker CLI sees it. */
export const windowsFlags = ['cpu-count', 'cpu-percent', 'io-maxbandwidth', 'io-maxiops'] as const;
