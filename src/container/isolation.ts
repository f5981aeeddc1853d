import * as z from 'zod';
import type { DeepReadonly } from '../lib/deep-readonly.ts';

const texts = z.array(z.string());

const mountSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('bind'),
    source: z.string(),
    target: z.string(),
    readOnly: z.boolean(),
    /** A source that is missing becomes a directory, as with `-v`. */
    createSource: z.boolean(),
  }),
  z.object({
    kind: z.literal('volume'),
    /** A name; see src/container/volumes.ts. */
    source: z.string(),
    target: z.string(),
    readOnly: z.boolean(),
    /** Nobody has named it: it goes with its container. */
    anonymous: z.boolean(),
  }),
  /** `options`: of mount(8), with commas. */
  z.object({ kind: z.literal('tmpfs'), target: z.string(), options: z.string() }),
]);

const ulimitSchema = z.object({
  /** As in prlimit(1): `nofile`. */
  name: z.string(),
  /** -1: unlimited. */
  soft: z.number().int(),
  hard: z.number().int(),
});

const deviceSchema = z.object({ source: z.string(), target: z.string() });

/**
 * What a container is kept from, or given, beyond its networks: decided when it is created, kept in its record,
 * done by the sandbox runtime at each start. Everything here is done; what cannot be is refused or warned of where
 * the request is parsed (src/api/docker/isolation/host-options.ts).
 */
export const isolationSchema = z.object({
  /** All capabilities, the host's /dev, nothing of /proc and /sys hidden. */
  privileged: z.boolean(),
  /** As capabilities(7) has them, in lower case and without `cap_`; absent: all. */
  capabilities: texts.exactOptional(),
  noNewPrivileges: z.boolean(),
  /** Of all the host's file systems; mounts of its own are as they say. */
  readOnly: z.boolean(),
  /** Names or numbers of further groups. */
  groups: texts,
  ulimits: z.array(ulimitSchema),
  sysctls: z.record(z.string(), z.string()),
  mounts: z.array(mountSchema),
  devices: z.array(deviceSchema),
  /** Bytes of /dev/shm. */
  shmSize: z.number().int(),
  ipc: z.enum(['private', 'host', 'none']),
  uts: z.enum(['private', 'host']),
  cgroup: z.enum(['private', 'host']),
  /** Paths that show nothing, and paths that cannot be written to; where the host has them. */
  maskedPaths: texts,
  readonlyPaths: texts,
});

/** IPv6 is off in the whole container (`--sysctl net.ipv6.conf.all.disable_ipv6=1`): none of its networks gives it any. */
export function refusesIpv6({ isolation }: { readonly isolation?: Pick<Isolation, 'sysctls'> }): boolean {
  return isolation?.sysctls['net.ipv6.conf.all.disable_ipv6'] === '1';
}

export type Isolation = DeepReadonly<z.infer<typeof isolationSchema>>;
export type Ulimit = DeepReadonly<z.infer<typeof ulimitSchema>>;
export type Mount = DeepReadonly<z.infer<typeof mountSchema>>;
export type Device = DeepReadonly<z.infer<typeof deviceSchema>>;

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
