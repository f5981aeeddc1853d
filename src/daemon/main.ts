import { join } from 'node:path';
import { createDrivers } from '../../drivers/index.ts';
import { dockerDirectories } from '../../drivers/remote/discovery.ts';
import { ipamPlugins } from '../../drivers/remote/ipam-driver.ts';
import { createRemoteDriver } from '../../drivers/remote/network-driver.ts';
import { Plugins } from '../../drivers/remote/plugins.ts';
import { openEmbeddedStore } from '../../kvstore/embedded.ts';
import { openStore } from '../../kvstore/open.ts';
import type { Store } from '../../kvstore/store.ts';
import { Failures } from '../api/failures.ts';
import { createApi } from '../api/server.ts';
import { createApps } from '../apps/create-apps.ts';
import { followContainers } from '../apps/follower.ts';
import { Directory } from '../cluster/directory.ts';
import { folders } from '../cluster/keys.ts';
import { Membership } from '../cluster/membership.ts';
import type { Network } from '../cluster/records.ts';
import { ensureSchema } from '../cluster/schema.ts';
import { Volumes } from '../container/volumes.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { openLinuxDataplane } from '../dataplane/linux/open.ts';
import { isBridgeName } from '../dataplane/names.ts';
import { createSimulatedDataplane } from '../dataplane/simulated.ts';
import { createProbe } from '../dns/probe.ts';
import { DnsThread, type RemoteDns } from '../dns/thread/dns-thread.ts';
import { formatHostAddress } from '../lib/host-address.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { LogSink } from '../lib/log-sink.ts';
import { timestamp } from '../lib/time.ts';
import { UndoStack } from '../lib/undo.ts';
import { version } from '../lib/version.ts';
import { createModel } from '../network/create-model.ts';
import { defaultPools } from '../network/pools.ts';
import { chooseAdvertise } from './advertise.ts';
import {
  engineState,
  isOfDocker,
  openPlugin,
  openRuntime,
  upstreamOf,
  volumesDirectory,
} from './beside-engine.ts';
import type { DaemonConfig } from './config.ts';
import { dnsOptions } from './dns-options.ts';
import { leaveNothing } from './ephemeral.ts';
import { sayFarewell } from './farewell.ts';
import { openIdentity } from './identity.ts';
import { logStoreChanges } from './store-log.ts';
import { storeStates, systemInfo } from './system-info.ts';
import { readTlsKeys } from './tls-keys.ts';
import { chooseWay, type Way } from './way.ts';

export interface RunningDaemon {
  /** What a person is told once it is ready. */
  readonly greeting: readonly string[];
  /** Lets go of everything in the reverse order; what fails is logged. */
  close(): Promise<void>;
}

/** Where a test puts itself between the daemon and what it acts on, to fail it at a chosen step. */
export interface Seams {
  readonly store: (store: Store) => Store;
  readonly dataplane: (dataplane: Dataplane) => Dataplane;
}

export const asTheyAre: Seams = { store: (store) => store, dataplane: (dataplane) => dataplane };

/**
 * The composition root: opens everything in order, and closes what it opened when a step fails.
 * @throws invalid | unavailable, in one line that says what to do
 */
export async function startDaemon(
  config: DaemonConfig,
  seams: Seams = asTheyAre,
  sink = new LogSink(2),
): Promise<RunningDaemon> {
  const log = createLogger(config.logLevel, sink);
  const opened = new UndoStack();
  const close = async () => {
    for (const failure of await opened.unwind()) log.error(failure.message);
  };
  try {
    return { greeting: await open(config, seams, { log, sink }, opened), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  config: DaemonConfig,
  seams: Seams,
  { log, sink }: { readonly log: Logger; readonly sink: LogSink },
  opened: UndoStack,
): Promise<readonly string[]> {
  const dns = new DnsThread({ log, logLevel: config.logLevel, sink, options: dnsOptions(config) });
  opened.push('dns', () => dns.close());
  const { nodeId, tag } = await openIdentity(config.dataRoot);
  const store = seams.store(await openEmbeddedStore(join(config.dataRoot, 'store')));
  opened.push('store', () => store.close());
  await ensureSchema(store);
  const way = await chooseWay(config, (await store.list(folders.containers)).length > 0);

  const global = await openGlobalStore(config, store, opened);
  const stores = { local: store, global };
  const directory = new Directory(stores, log, { nodeId, graceMs: config.leaseTtlSeconds * 1000 });
  opened.push('directory', () => directory.close());
  await directory.ready();
  // Names are answered from here on, before anything of the kernel is looked at.
  await dns.start(directory);

  const advertise = chooseAdvertise(config.advertise, (name) => isBridgeName(tag, name) || isOfDocker(name));
  const self = {
    id: nodeId,
    name: config.nodeName,
    version,
    started: timestamp(),
    ...(advertise ? { advertise } : {}),
  };
  const failures = new Failures(log, () => storeStates(directory).some(({ reachable }) => !reachable));
  const membership = new Membership(directory, self, config.leaseTtlSeconds, log);
  opened.push('membership', () => membership.close());
  await membership.start();
  if (global !== store)
    opened.push(
      'store log',
      logStoreChanges(
        () => directory.status('global'),
        log,
        () => failures.count(503),
      ),
    );

  const dataplane = seams.dataplane(await openDataplane(way, tag, log));
  const { runtime, engine } = await openRuntime(way, { dataplane, store, log, tag }, config);
  opened.push('containers', () => runtime.close());
  await runtime.recover();
  opened.push('what no container needs', () => sayFarewell({ runtime, dataplane, membership, global }));
  // Where no packet moves, an address of no meaning is as good as any.
  const underlay = dataplane.kind === 'simulated' ? (advertise ?? '127.0.0.1') : advertise;
  const plugins = openPlugins(config);
  const plugin = (name: string) => createRemoteDriver(plugins.named(name), log);
  const node = {
    id: nodeId,
    publish: (tunnelSecret: string | undefined) => membership.amend({ tunnelSecret }),
    lifetimeMs: config.tunnelKeyLifetimeSeconds * 1000,
    settleMs: config.leaseTtlSeconds * 1000,
  };
  const driverNamed = createDrivers({ dataplane, tag, advertise: () => underlay, node, plugin });
  let listening = Promise.resolve();
  const model = await createModel({
    directory,
    membership,
    runtime,
    dataplane,
    ...(engine ? { engine } : {}),
    driverNamed,
    ipamNamed: ipamPlugins(plugins),
    settings: modelSettings(config),
    log,
    listeners: async () => (await dns.status()).listeners,
    onHostNetworks: (networks) => {
      // One after another: the last word is the newest one's.
      const listen = () =>
        listenOnGateways(
          dns,
          dataplane,
          networks,
          ({ driver }) => driverNamed(driver).remote,
          engine?.resolver,
        );
      listening = listening.then(listen, listen);
    },
  });
  opened.push('model', () => model.close());
  const pluginProblem = await openPlugin(model, config, log, opened);
  model.begin();
  if (config.ephemeral) opened.push('all it made', () => leaveNothing(model, dataplane));

  const probe = createProbe({ directory, dns, runtime, dataplane });
  const state = engine && { engine: () => engineState(engine, pluginProblem) };
  const info = systemInfo({ config, way, nodeId, directory, plugins, ...state });
  const apps = createApps({ directory, model, dnsTtlSeconds: config.dns.ttlSeconds });
  opened.push('apps', followContainers(apps, model, log));
  const upstream = way.way === 'engine' && engine ? upstreamOf(way, engine) : undefined;
  const volumes = new Volumes(volumesDirectory(config.dataRoot));
  const parts = { model, dns, probe, apps, volumes, info, log, failures };
  const api = await createApi({ ...parts, ...(upstream ? { upstream } : {}) });
  opened.push('api', () => api.close());
  const tls = config.tls && (await readTlsKeys(config.tls));
  for (const host of config.hosts) await api.listen(host, tls);
  await listening;
  return await greeting(config, way, dns);
}

/** The KV store; without one, global objects live in the embedded store too. Its server is not waited for. */
async function openGlobalStore(
  { kvStore, kvStoreOptions }: DaemonConfig,
  local: Store,
  opened: UndoStack,
): Promise<Store> {
  if (kvStore === undefined) return local;
  const store = await openStore(kvStore, kvStoreOptions);
  opened.push('kv store', () => store.close());
  return store;
}

async function openDataplane({ way }: Way, tag: string, log: Logger): Promise<Dataplane> {
  return way === 'simulated' ? createSimulatedDataplane() : await openLinuxDataplane({ tag, log });
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

async function greeting(config: DaemonConfig, { way, why }: Way, dns: RemoteDns): Promise<readonly string[]> {
  const { degraded, listeners } = await dns.status();
  const trouble = listeners.filter(({ state }) => state === 'degraded');
  return [
    `fairlead ${version}: ${way} way (${why})`,
    ...(degraded
      ? trouble.map(({ address, port, reason }) => `dns degraded: ${address}:${port}: ${reason}`)
      : []),
    `ready on ${config.hosts.map(formatHostAddress).join(', ')}`,
  ];
}
