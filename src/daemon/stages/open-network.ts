import { builtInDrivers, createDrivers } from '../../../drivers/index.ts';
import { dockerDirectories } from '../../../drivers/remote/discovery.ts';
import { ipamPlugins } from '../../../drivers/remote/ipam-driver.ts';
import { createRemoteDriver } from '../../../drivers/remote/network-driver.ts';
import { Plugins } from '../../../drivers/remote/plugins.ts';
import type { NodeLease } from '../../cluster/node-lease.ts';
import type { RemoteDns } from '../../dns/thread/remote-dns.ts';
import { FairleadError } from '../../lib/errors.ts';
import { defaultPools } from '../../network/addressing/pools.ts';
import { createModel, type RunningModel } from '../../network/create-model.ts';
import type { DaemonConfig } from '../config.ts';
import { openPlugin } from '../engine-mode.ts';
import { leaveNothing } from '../ephemeral.ts';
import { GatewayListeners } from './gateway-listeners.ts';
import type { OpenedHost } from './open-host.ts';
import type { OpenedStores } from './open-stores.ts';
import type { Start } from './start.ts';

export interface OpenedNetwork {
  readonly model: RunningModel;
  readonly plugins: Plugins;
  readonly gateways: GatewayListeners;
  /** Why the Engine does not have us as its plugin. */
  readonly pluginProblem: string | undefined;
}

export interface NetworkNeeds {
  readonly stores: OpenedStores;
  readonly nodeLease: NodeLease;
  readonly host: OpenedHost;
  readonly dns: RemoteDns;
}

/** The model, with kernel and records in line, and the Engine's plugin where there is an Engine. */
export async function openNetwork(start: Start, needs: NetworkNeeds): Promise<OpenedNetwork> {
  const { config, platform, log, stop, opened } = start;
  const { stores, nodeLease, host, dns } = needs;
  const { dataplane, engine } = host;
  const plugins = openPlugins(config);
  requireDefaultDriver(config, plugins, stores.directory);
  const driverNamed = driversOf(start, needs, plugins);
  const gatewayOf = ({ driver }: { driver: string }) => {
    const { apartFromHost, foreignGateways } = driverNamed(driver);
    return apartFromHost ? 'elsewhere' : foreignGateways ? 'anywhere' : 'here';
  };
  const resolver = engine?.resolver;
  const gateways = new GatewayListeners({ dns, dataplane, runtime: host.runtime, gatewayOf, resolver });
  const model = await createModel({
    ...{ ...host, nodeLease, directory: stores.directory, driverNamed, log, clock: platform.clock },
    ipamNamed: ipamPlugins(plugins),
    settings: modelSettings(config, engine !== undefined),
    listeners: async () => (await dns.status()).listeners,
    onHostNetworks: (networks) => gateways.follow(networks),
    innerResolversChanged: () => gateways.refresh(),
  });
  opened.push('model', () => model.close());
  stop.throwIfAborted();
  const pluginProblem = await openPlugin(model, config, log, opened);
  model.begin();
  if (config.ephemeral) opened.push('all it made', () => leaveNothing(model, dataplane));
  return { model, plugins, gateways, pluginProblem };
}

/**
 * Said at the start, and not at the first container. A network that is there already is left to its plugin, which may
 * come later. @throws invalid where nothing has a driver of that name
 */
function requireDefaultDriver(
  { defaultNetwork: { driver, name } }: DaemonConfig,
  plugins: Plugins,
  directory: OpenedStores['directory'],
): void {
  const installed = plugins.states().map((plugin) => plugin.name);
  const known = [...builtInDrivers, 'none', 'container', ...installed].sort();
  if (known.includes(driver) || directory.networks().some((network) => network.name === name)) return;
  throw new FairleadError(
    'invalid',
    `--default-network ${driver}:${name}: there is no driver "${driver}": ` +
      `expected ${known.join(', ')} or an installed plugin`,
  );
}

function driversOf({ config, platform, log }: Start, needs: NetworkNeeds, plugins: Plugins) {
  const { stores, nodeLease, host } = needs;
  const { dataplane } = host;
  const { nodeId, tag } = stores.identity;
  const { advertise } = nodeLease.self;
  // Where no packet moves, an address of no meaning is as good as any.
  const underlay = dataplane.kind === 'simulated' ? (advertise ?? '127.0.0.1') : advertise;
  const node = {
    id: nodeId,
    publish: (tunnelSecret: string | undefined) => nodeLease.amend({ tunnelSecret }),
    lifetimeMs: config.tunnelKeyLifetimeSeconds * 1000,
    settleMs: config.leaseTtlSeconds * 1000,
    now: () => platform.clock.monotonic(),
  };
  const plugin = (name: string) => createRemoteDriver(plugins.named(name), log);
  const besideEngine = 'the containers are an Engine’s, which has such networks itself: create it there';
  const stackedObstacle = host.engine ? besideEngine : undefined;
  return createDrivers({
    dataplane,
    tag,
    advertise: () => underlay,
    node,
    plugin,
    stackedObstacle,
    vxlanPort: config.vxlanPort,
  });
}

function openPlugins({ pluginDirectory: directory }: DaemonConfig): Plugins {
  return new Plugins(
    directory === undefined ? dockerDirectories : { sockets: directory, files: [directory] },
  );
}

function modelSettings({ defaultNetwork, defaultAddressPools }: DaemonConfig, besideEngine: boolean) {
  const own = defaultAddressPools.length > 0 ? defaultAddressPools : undefined;
  const global = besideEngine ? defaultPools.besideEngine : defaultPools.global;
  return { defaultNetwork, localPools: own ?? defaultPools.local, globalPools: own ?? global };
}
