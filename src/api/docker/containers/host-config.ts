import { isDeepStrictEqual } from 'node:util';

/** `HostConfig` of a container made without any: the Engine's values, in its order of members. */
export const hostConfigDefaults: Readonly<Record<string, unknown>> = {
  Binds: null,
  ContainerIDFile: '',
  LogConfig: { Type: 'json-file', Config: {} },
  NetworkMode: 'default',
  PortBindings: {},
  RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: 'private',
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: 'private',
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: '',
  UsernsMode: '',
  ShmSize: 67108864,
  Runtime: 'runc',
  Isolation: '',
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: null,
  ReadonlyPaths: null,
};

/** How the docker CLI sends members that nobody set. */
const unset = new Map<string, readonly unknown[]>(
  Object.entries({
    LogConfig: [
      { Type: '', Config: {} },
      { Type: '', Config: null },
    ],
    CgroupnsMode: [''],
    IpcMode: [''],
    ShmSize: [0],
    Runtime: [''],
    MemorySwappiness: [-1],
    PidsLimit: [0],
  }),
);

/** Those get the Engine's defaults, as there. */
export function withoutUnset(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isUnset = (name: string, value: unknown) =>
    unset.get(name)?.some((other) => isDeepStrictEqual(value, other)) ?? false;
  return Object.fromEntries(Object.entries(given).filter(([name, value]) => !isUnset(name, value)));
}
