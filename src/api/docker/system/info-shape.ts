import os from 'node:os';
import type { DnsStatus } from '../../../dns/dns.ts';
import { joinHostPort } from '../../../lib/host-address.ts';
import { timestamp } from '../../../lib/time.ts';
import type { Model } from '../../../network/model.ts';
import type { SystemInfo } from '../../deps.ts';
import { type ApiVersion, isBefore } from '../../http/version.ts';

/** What is asked for at each call. */
export interface HostState {
  readonly dns: DnsStatus;
  readonly obstacles: readonly string[];
}

export async function hostState(
  dns: { readonly status: () => Promise<DnsStatus> },
  { doctor }: Pick<Model, 'doctor'>,
): Promise<HostState> {
  const [status, obstacles] = await Promise.all([dns.status(), doctor.obstacles()]);
  return { dns: status, obstacles };
}

/** GET /info: the Engine's members as far as they mean something here, and ours under `Fairlead`. */
export function infoShape(
  info: SystemInfo,
  host: HostState,
  { containers, clock }: Model,
  images: number,
  version: ApiVersion,
): Record<string, unknown> {
  const all = containers.list();
  const running = all.filter(({ state }) => state.status === 'running').length;
  return {
    ID: info.nodeId,
    Containers: all.length,
    ContainersRunning: running,
    ContainersPaused: 0,
    ContainersStopped: all.length - running,
    Images: images,
    Driver: 'fairlead',
    DriverStatus: [],
    Plugins: { Volume: [], Network: networkDrivers(info), Authorization: null, Log: [] },
    ...limits,
    SystemTime: timestamp(clock.now()),
    LoggingDriver: 'json-file',
    CgroupDriver: 'none',
    CgroupVersion: '2',
    NEventsListener: 0,
    KernelVersion: os.release(),
    OperatingSystem: `Fairlead (${info.mode})`,
    OSVersion: '',
    OSType: 'linux',
    Architecture: os.machine(),
    IndexServerAddress: '',
    RegistryConfig: null,
    NCPU: os.availableParallelism(),
    MemTotal: os.totalmem(),
    GenericResources: null,
    DockerRootDir: info.dataRoot,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: info.nodeName,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: info.version,
    Runtimes: {},
    DefaultRuntime: '',
    Swarm: inactiveSwarm,
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: '',
    SecurityOptions: [],
    ...(info.mode === 'sandbox' && !isBefore(version, '1.49') && { FirewallBackend: { Driver: 'nftables' } }),
    Warnings: warnings(info, host, clock.now()),
    Fairlead: fairleadShape(info, host),
  };
}

/** Like the Engine, with the plugins that have been used. */
function networkDrivers({ drivers, plugins }: SystemInfo): readonly string[] {
  const used = plugins.filter(({ implements: services }) => services.includes('NetworkDriver'));
  return [...drivers, ...used.map(({ name }) => name)];
}

/** No resource limits: containers are namespaces or records. Clients warn of what is false, so all is true. */
const limits = {
  MemoryLimit: true,
  SwapLimit: true,
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  CPUShares: true,
  CPUSet: true,
  PidsLimit: true,
  IPv4Forwarding: true,
  Debug: false,
  NFd: 0,
  OomKillDisable: true,
  NGoroutines: 0,
};

const inactiveSwarm = {
  NodeID: '',
  NodeAddr: '',
  LocalNodeState: 'inactive',
  ControlAvailable: false,
  Error: '',
  RemoteManagers: null,
};

function fairleadShape(info: SystemInfo, { dns, obstacles }: HostState): Record<string, unknown> {
  const { mode, why, nodeId, nodeName, stores, defaultNetwork, dataRoot, started, version, plugins } = info;
  const { pid } = process;
  const own = { version, pid, mode, why, nodeId, nodeName, dataRoot, started, defaultNetwork };
  return {
    ...own,
    stores,
    dns,
    obstacles,
    plugins,
    ...(info.engineState ? { engineState: info.engineState } : {}),
  };
}

function warnings({ stores }: SystemInfo, { dns, obstacles }: HostState, now: number): string[] {
  const away = stores
    .filter(({ reachable }) => !reachable)
    .map(({ name, since, reason }) => {
      const seconds = Math.round((now - since) / 1000);
      return `WARNING: kv store ${name} is unreachable, data ${seconds} s old${reason ? `: ${reason}` : ''}`;
    });
  const deaf = dns.listeners
    .filter(({ state }) => state === 'degraded')
    .map(
      ({ address, port, reason }) =>
        `WARNING: DNS does not listen on ${joinHostPort(address, port)}: ${reason}`,
    );
  const full = stores.flatMap(({ name, degraded }) =>
    degraded === undefined ? [] : [`WARNING: ${name} store is degraded: ${degraded}`],
  );
  return [...away, ...full, ...deaf, ...obstacles.map((text) => `WARNING: ${text}`)];
}
