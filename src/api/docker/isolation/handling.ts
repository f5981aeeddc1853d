/** What becomes of a member of HostConfig that a client has set. */
export type Handling =
  /** Its effect is there. */
  | { readonly does: 'done' }
  /** It has none here, and nothing is weaker or less for that. */
  | { readonly does: 'harmless'; readonly why: string }
  /** A limit or a convenience that is not there: the container is created all the same. */
  | { readonly does: 'warned'; readonly why?: string }
  /** Without it the container would be less confined than requested, or could not work: 501. `but`: values that are done. */
  | {
      readonly does: 'refused';
      readonly option: string;
      readonly why: string;
      readonly but?: readonly unknown[];
    };

const done: Handling = { does: 'done' };
const limit: Handling = { does: 'warned' };
const harmless = (why: string): Handling => ({ does: 'harmless', why });
const warned = (why: string): Handling => ({ does: 'warned', why });
const refused = (option: string, why: string, but: readonly unknown[] = []): Handling => ({
  does: 'refused',
  option,
  why,
  but,
});

/**
 * Every member of HostConfig, in the Engine's order, then those that its inspect leaves out where they are empty. None
 * can be dropped in silence: test/unit/api/docker/isolation.test.ts holds this to hostConfigDefaults, and a member that is
 * not here is warned of by its name. docs/security.md has the same table for people.
 */
export const hostOptions: Readonly<Record<string, Handling>> = {
  Binds: done,
  ContainerIDFile: harmless('the client writes it'),
  LogConfig: warned(
    'log drivers and their options are discarded: Fairlead keeps the output itself, 20 MB at most',
  ),
  NetworkMode: done,
  PortBindings: done,
  RestartPolicy: done,
  AutoRemove: done,
  VolumeDriver: refused(
    '--volume-driver',
    'there are no volume plugins; a volume is a directory of this host',
    ['local'],
  ),
  VolumesFrom: done,
  ConsoleSize: harmless('a client sets the size of a terminal when it attaches'),
  CapAdd: done,
  CapDrop: done,
  CgroupnsMode: done,
  Dns: done,
  DnsOptions: done,
  DnsSearch: done,
  ExtraHosts: done,
  GroupAdd: done,
  IpcMode: done,
  Cgroup: limit,
  Links: done,
  OomScoreAdj: limit,
  PidMode: refused('--pid', 'a container ends by the end of its own PID namespace, so it cannot do without', [
    'private',
  ]),
  Privileged: done,
  PublishAllPorts: done,
  ReadonlyRootfs: done,
  SecurityOpt: done,
  UTSMode: done,
  UsernsMode: refused('--userns', 'user namespaces are not remapped; root in a container is root', ['host']),
  ShmSize: done,
  Runtime: refused('--runtime', 'containers are processes of this host, run by Fairlead itself', [
    'runc',
    'io.containerd.runc.v2',
  ]),
  Isolation: refused('--isolation', 'there is one kind of container, processes in namespaces', ['default']),
  CpuShares: limit,
  Memory: limit,
  NanoCpus: limit,
  CgroupParent: limit,
  BlkioWeight: limit,
  BlkioWeightDevice: limit,
  BlkioDeviceReadBps: limit,
  BlkioDeviceWriteBps: limit,
  BlkioDeviceReadIOps: limit,
  BlkioDeviceWriteIOps: limit,
  CpuPeriod: limit,
  CpuQuota: limit,
  CpuRealtimePeriod: limit,
  CpuRealtimeRuntime: limit,
  CpusetCpus: limit,
  CpusetMems: limit,
  Devices: done,
  DeviceCgroupRules: refused(
    '--device-cgroup-rule',
    'no device control group is kept; name the devices with --device',
  ),
  DeviceRequests: refused('--gpus', 'there are no device drivers; name the devices with --device'),
  MemoryReservation: limit,
  MemorySwap: limit,
  MemorySwappiness: limit,
  OomKillDisable: limit,
  PidsLimit: limit,
  Ulimits: done,
  CpuCount: limit,
  CpuPercent: limit,
  IOMaximumIOps: limit,
  IOMaximumBandwidth: limit,
  MaskedPaths: done,
  ReadonlyPaths: done,
  Mounts: done,
  Tmpfs: done,
  Sysctls: done,
  StorageOpt: refused('--storage-opt', "a container's files are this host's, without a storage driver"),
  Init: harmless('PID 1 of a container always is an init that collects orphans'),
  Annotations: harmless('they are for another runtime to read'),
  KernelMemory: limit,
  KernelMemoryTCP: limit,
};
