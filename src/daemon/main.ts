import { createDrivers } from '../../drivers/index.ts';
import { dockerDirectories } from '../../drivers/remote/discovery.ts';
import { ipamPlugins } from '../../drivers/remote/ipam-driver.ts';
import { createRemoteDriver } from '../../drivers/remote/network-driver.ts';
import { Plugins } from '../../drivers/remote/plugins.ts';
import { Failures } from '../api/http/failures.ts';
import { createApi } from '../api/server.ts';
import { createApps } from '../apps/create-apps.ts';
import { followContainers } from '../apps/follower.ts';
import { Directory } from '../cluster/directory.ts';
import { folders } from '../cluster/keys.ts';
import { NodeLease } from '../cluster/node-lease.ts';
import type { Network } from '../cluster/records.ts';
import { ensureSchema } from '../cluster/schema.ts';
import { Volumes } from '../container/volumes.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { isBridgeName } from '../dataplane/names.ts';
import { createProbe, type Probe } from '../dns/probe.ts';
import type { RemoteDns } from '../dns/thread/remote-dns.ts';
import { formatHostAddress, type HostAddress } from '../lib/host-address.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { LogSink } from '../lib/log-sink.ts';
import { timestamp } from '../lib/time.ts';
import { UndoStack } from '../lib/undo.ts';
import { version } from '../lib/version.ts';
import { createModel, type RunningModel } from '../network/create-model.ts';
import { defaultPools } from '../network/pools.ts';
import { chooseAdvertise } from './advertise.ts';
import { engineState, isOfDocker, openPlugin, upstreamOf } from './beside-engine.ts';
import type { DaemonConfig } from './config.ts';
import { dnsOptions } from './dns-options.ts';
import { leaveNothing } from './ephemeral.ts';
import type { Platform } from './platform.ts';
import { cleanUpAtShutdown } from './shutdown-cleanup.ts';
import { logSpace, logStoreChanges } from './store-log.ts';
import { storeStates, systemInfo } from './system-info.ts';
import { readTlsKeys } from './tls-keys.ts';
import type { Way } from './way.ts';

/** Of a daemon that is ready. */
interface Opened {
  /** What a person is told. */
  readonly greeting: readonly string[];
  /** Where it listens; the port is the real one where any would do. */
  readonly hosts: readonly HostAddress[];
  readonly model: RunningModel;
  readonly nodeLease: NodeLease;
  readonly dns: Pick<RemoteDns, 'status'>;
  readonly probe: Probe;
}

export interface RunningDaemon extends Opened {
  /** Lets go of everything in the reverse order; what fails is logged. */
  close(): Promise<void>;
}

/**
 * The composition root: opens everything in order, and closes what it opened when a step fails. `stop` is looked at
 * between steps: a step that has begun is ended first, so that all that it made is known.
 * @throws invalid | unavailable, in one line that says what to do; what `stop` was aborted with
 */
export async function startDaemon(
  config: DaemonConfig,
  platform: Platform,
  sink = new LogSink(2),
  stop = new AbortController().signal,
): Promise<RunningDaemon> {
  const log = createLogger(config.logLevel, sink);
  const opened = new UndoStack();
  const close = async () => {
    for (const failure of await opened.unwind()) log.error(failure.message);
  };
  try {
    return { ...(await open(config, platform, { log, sink, stop }, opened)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  config: DaemonConfig,
  platform: Platform,
  { log, sink, stop }: { readonly log: Logger; readonly sink: LogSink; readonly stop: AbortSignal },
  opened: UndoStack,
): Promise<Opened> {
  const { clock } = platform;
  const dns = platform.dns({ log, logLevel: config.logLevel, sink, options: dnsOptions(config) });
  opened.push('dns', () => dns.close());
  const { nodeId, tag } = await platform.identity(config);
  const { store, way } = await openLocalState(config, platform, log, opened);

  stop.throwIfAborted();
  const shared = await platform.globalStore(config);
  if (shared) opened.push('kv store', () => shared.close());
  const global = shared ?? store;
  const graceMs = config.leaseTtlSeconds * 1000;
  const directory = new Directory({ local: store, global }, log, { nodeId, graceMs, clock });
  opened.push('directory', () => directory.close());
  await directory.ready();
  // Names are answered from here on, before anything of the kernel is looked at.
  await dns.start(directory);
  stop.throwIfAborted();

  const advertise = chooseAdvertise(config.advertise, (name) => isBridgeName(tag, name) || isOfDocker(name));
  const self = {
    id: nodeId,
    name: config.nodeName,
    version,
    started: timestamp(clock.now()),
    ...(advertise ? { advertise } : {}),
  };
  const failures = new Failures(log, () => storeStates(directory).some(({ reachable }) => !reachable));
  const nodeLease = new NodeLease(directory, self, config.leaseTtlSeconds, log, clock);
  opened.push('node lease', () => nodeLease.close());
  await nodeLease.start();
  if (global !== store)
    opened.push(
      'store log',
      logStoreChanges(
        () => directory.status('global'),
        log,
        () => failures.count(503),
      ),
    );

  const dataplane = await platform.dataplane(way, { tag, log }, config);
  const { runtime, engine } = await platform.runtime(way, { dataplane, store, log, tag }, config);
  opened.push('containers', () => runtime.close());
  await runtime.recover();
  opened.push('what no container needs', () => cleanUpAtShutdown({ runtime, dataplane, nodeLease, global }));
  stop.throwIfAborted();
  // Where no packet moves, an address of no meaning is as good as any.
  const underlay = dataplane.kind === 'simulated' ? (advertise ?? '127.0.0.1') : advertise;
  const plugins = openPlugins(config);
  const plugin = (name: string) => createRemoteDriver(plugins.named(name), log);
  const node = {
    id: nodeId,
    publish: (tunnelSecret: string | undefined) => nodeLease.amend({ tunnelSecret }),
    lifetimeMs: config.tunnelKeyLifetimeSeconds * 1000,
    settleMs: graceMs,
    now: () => clock.monotonic(),
  };
  const driverNamed = createDrivers({ dataplane, tag, advertise: () => underlay, node, plugin });
  let listening = Promise.resolve();
  const model = await createModel({
    directory,
    nodeLease,
    runtime,
    dataplane,
    ...(engine ? { engine } : {}),
    driverNamed,
    ipamNamed: ipamPlugins(plugins),
    settings: modelSettings(config),
    log,
    clock,
    listeners: async () => (await dns.status()).listeners,
    onHostNetworks: (networks) => {
      // One after another: the last word is the newest one's.
      const listen = () =>
        listenOnGateways(
          dns,
          dataplane,
          networks,
          ({ driver }) => driverNamed(driver).foreignGateways,
          engine?.resolver,
        );
      listening = listening.then(listen, listen);
    },
  });
  opened.push('model', () => model.close());
  stop.throwIfAborted();
  const pluginProblem = await openPlugin(model, config, log, opened);
  model.begin();
  if (config.ephemeral) opened.push('all it made', () => leaveNothing(model, dataplane));

  const probe = createProbe({ directory, dns, runtime, dataplane });
  const state = engine && { engine: () => engineState(engine, pluginProblem) };
  const info = systemInfo({ config, clock, way, nodeId, directory, plugins, ...state });
  const apps = createApps({ directory, model, dnsTtlSeconds: config.dns.ttlSeconds });
  opened.push('apps', followContainers(apps, model, log));
  const upstream = way.way === 'engine' && engine ? upstreamOf(way, engine) : undefined;
  const volumes = new Volumes(platform.volumes(config));
  const parts = { model, dns, probe, apps, volumes, info, log, failures };
  const api = await createApi({
    ...parts,
    ...(upstream ? { upstream } : {}),
    ...(platform.hooks ? { hooks: platform.hooks } : {}),
  });
  opened.push('api', () => api.close());
  const tls = config.tls && (await readTlsKeys(config.tls));
  const hosts: HostAddress[] = [];
  const tcp = { ...(tls && { tls }), names: config.apiNames };
  for (const host of config.hosts) {
    stop.throwIfAborted();
    hosts.push(await api.listen(host, tcp));
  }
  await listening;
  stop.throwIfAborted();
  const obstacles = await dataplane.obstacles();
  for (const obstacle of obstacles) log.warn(obstacle);
  return { greeting: await greeting(hosts, way, dns, obstacles), hosts, model, nodeLease, dns, probe };
}

/** The local store, with all containers that the platform has, and the way that fits them. */
async function openLocalState(config: DaemonConfig, platform: Platform, log: Logger, opened: UndoStack) {
  const { store, notes = [], hasContainers = false, putBackLost } = await platform.localState(config);
  opened.push('store', () => store.close());
  for (const note of notes) log.warn(note);
  opened.push(
    'state log',
    logSpace(() => store.status(), log),
  );
  await ensureSchema(store);
  const way = await platform.way(config, hasContainers || (await store.list(folders.containers)).length > 0);
  if (way.way === 'sandbox') await putBackLost?.(log);
  return { store, way };
}

function modelSettings({ defaultNetwork, defaultAddressPools }: DaemonConfig) {
  const own = defaultAddressPools.length > 0 ? defaultAddressPools : undefined;
  return { defaultNetwork, localPools: own ?? defaultPools.local, globalPools: own ?? defaultPools.global };
}

/** Only where there is a kernel: a simulated gateway has no address that could be bound. */
async function listenOnGateways(
  dns: RemoteDns,
  dataplane: Dataplane,
  networks: readonly Network[],
  isRemote: (network: Network) => boolean | undefined,
  resolver: string | undefined,
): Promise<void> {
  const kernel = dataplane.kind === 'linux' ? networks : [];
  const gateways = kernel.flatMap((network) =>
    network.ipam.pools.map(({ gateway }) => ({ network, networkId: network.id, address: gateway })),
  );
  const here = await Promise.all(
    gateways.map(async ({ network, address }) => {
      // A plugin's gateway may be anywhere.
      return !isRemote(network) || (await dataplane.mtuOf(address)) !== undefined;
    }),
  );
  const shared = resolver === undefined ? [] : [{ address: resolver }];
  await dns.ensureListeners([...shared, ...gateways.filter((_, i) => here[i])]);
}

function openPlugins({ pluginDirectory: directory }: DaemonConfig): Plugins {
  return new Plugins(
    directory === undefined ? dockerDirectories : { sockets: directory, files: [directory] },
  );
}

async function greeting(
  hosts: readonly HostAddress[],
  { way, why }: Way,
  dns: RemoteDns,
  obstacles: readonly string[],
): Promise<readonly string[]> {
  const { degraded, listeners } = await dns.status();
  const trouble = listeners.filter(({ state }) => state === 'degraded');
  return [
    `fairlead ${version}: ${way} way (${why})`,
    ...(degraded
      ? trouble.map(({ address, port, reason }) => `dns degraded: ${address}:${port}: ${reason}`)
      : []),
    ...obstacles.map((obstacle) => `warning: ${obstacle}`),
    `ready on ${hosts.map(formatHostAddress).join(', ')}`,
  ];
}
