/**
 * What a container is kept from, or given, beyond its networks: decided when it is created, kept in its record,
 * done by the sandbox runtime at each start. Everything here is done; what cannot be is refused or warned of where
 * the request is parsed (src/api/docker/isolation/host-options.ts).
 */
export interface Isolation {
  /** All capabilities, the host's /dev, nothing of /proc and /sys hidden. */
  readonly privileged: boolean;
  /** As capabilities(7) has them, in lower case and without `cap_`; absent: all. */
  readonly capabilities?: readonly string[];
  readonly noNewPrivileges: boolean;
  /** Of all the host's file systems; mounts of its own are as they say. */
  readonly readOnly: boolean;
  /** Names or numbers of further groups. */
  readonly groups: readonly string[];
  readonly ulimits: readonly Ulimit[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly devices: readonly Device[];
  /** Bytes of /dev/shm. */
  readonly shmSize: number;
  readonly ipc: 'private' | 'host' | 'none';
  readonly uts: 'private' | 'host';
  readonly cgroup: 'private' | 'host';
  /** Paths that show nothing, and paths that cannot be written to; where the host has them. */
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

export interface Ulimit {
  /** As in prlimit(1): `nofile`. */
  readonly name: string;
  /** -1: unlimited. */
  readonly soft: number;
  readonly hard: number;
}

export type Mount =
  | {
      readonly kind: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** A source that is missing becomes a directory, as with `-v`. */
      readonly createSource: boolean;
    }
  | {
      readonly kind: 'volume';
      /** A name; see src/container/volumes.ts. */
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** Nobody has named it: it goes with its container. */
      readonly anonymous: boolean;
    }
  /** `options`: of mount(8), with commas. */
  | { readonly kind: 'tmpfs'; readonly target: string; readonly options: string };

export interface Device {
  readonly source: string;
  readonly target: string;
}

/** Docker's, of containers that name none. */
export const defaultCapabilities: readonly string[] = [
  ...['chown', 'dac_override', 'fsetid', 'fowner', 'mknod', 'net_raw', 'setgid', 'setuid'],
  ...['setfcap', 'setpcap', 'net_bind_service', 'sys_chroot', 'kill', 'audit_write'],
];

/** Docker's. */
export const defaultMaskedPaths: readonly string[] = [
  ...['/proc/asound', '/proc/acpi', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats'],
  ...['/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi'],
  ...['/sys/firmware', '/sys/devices/virtual/powercap'],
];

/** Docker's. */
export const defaultReadonlyPaths: readonly string[] = [
  ...['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
];

export const defaultShmSize = 67_108_864;

/** Of a container that was asked for without any option. */
export const defaultIsolation: Isolation = {
  privileged: false,
  capabilities: defaultCapabilities,
  noNewPrivileges: false,
  readOnly: false,
  groups: [],
  ulimits: [],
  sysctls: {},
  mounts: [],
  devices: [],
  shmSize: defaultShmSize,
  ipc: 'private',
  uts: 'private',
  cgroup: 'private',
  maskedPaths: defaultMaskedPaths,
  readonlyPaths: defaultReadonlyPaths,
};
