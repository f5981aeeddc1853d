import { builtInDrivers } from '../../drivers/index.ts';
import type { Plugins } from '../../drivers/remote/plugins.ts';
import type { StoreStatus } from '../../kvstore/store.ts';
import type { EngineState, SystemInfo } from '../api/deps.ts';
import type { Directory } from '../cluster/directory.ts';
import type { Clock } from '../lib/clock.ts';
import { version } from '../lib/version.ts';
import type { DaemonConfig } from './config.ts';
import type { Mode } from './mode.ts';

export interface InfoParts {
  readonly config: DaemonConfig;
  readonly clock: Clock;
  readonly mode: Mode;
  readonly nodeId: string;
  readonly directory: Directory;
  readonly plugins: Plugins;
  /** In engine mode. */
  readonly engine?: () => EngineState;
}

/** Reads the daemon's current state. */
export function systemInfo({
  config,
  clock,
  mode,
  nodeId,
  directory,
  plugins,
  engine,
}: InfoParts): () => SystemInfo {
  const started = clock.now();
  const { driver, name } = config.defaultNetwork;
  return () => ({
    version,
    mode: mode.kind,
    why: mode.why,
    nodeId,
    nodeName: config.nodeName,
    dataRoot: config.dataRoot,
    started,
    stores: storeStates(directory),
    drivers: builtInDrivers,
    plugins: plugins.states(),
    defaultNetwork: `${driver}:${name}`,
    ...(engine ? { engineState: engine() } : {}),
  });
}

export function storeStates(directory: Directory): readonly StoreStatus[] {
  const { local, global } = directory.stores;
  return [directory.status('local'), ...(global === local ? [] : [directory.status('global')])];
}
