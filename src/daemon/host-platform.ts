import { join } from 'node:path';
import { openEmbeddedStore } from '../../kvstore/local/embedded.ts';
import { openStore } from '../../kvstore/open.ts';
import type { Store } from '../../kvstore/store.ts';
import type { Runtime } from '../container/runtime.ts';
import { directoryIds } from '../container/sandbox/records/directory.ts';
import { putBackLost as putBack } from '../container/sandbox/records/lost-records.ts';
import { createSandboxRuntime } from '../container/sandbox.ts';
import { createSimulatedRuntime } from '../container/simulated.ts';
import { volumesOnDisk } from '../container/volumes.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { openLinuxDataplane } from '../dataplane/linux/open.ts';
import { resolverAddress } from '../dataplane/names.ts';
import { createSimulatedDataplane } from '../dataplane/simulated.ts';
import { DnsThread } from '../dns/thread/dns-thread.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { EngineSide } from '../network/context.ts';
import type { DaemonConfig } from './config.ts';
import { openIdentity } from './identity.ts';
import { chooseMode, type Mode } from './mode.ts';
import type { LocalState, Platform, RuntimeParts } from './platform.ts';

/** Where a test puts itself between the daemon and what it acts on, to fail it at a chosen step. */
export interface TestHooks {
  readonly store: (store: Store) => Store;
  readonly dataplane: (dataplane: Dataplane) => Dataplane;
}

export const noHooks: TestHooks = { store: (store) => store, dataplane: (dataplane) => dataplane };

/** This host: its data root, kernel, KV store and Docker Engine. */
export function hostPlatform(hooks: TestHooks = noHooks): Platform {
  return {
    clock: systemClock,
    dns: (parts) => new DnsThread(parts),
    identity: ({ dataRoot }) => openIdentity(dataRoot),
    localState: (config) => openState(config, hooks),
    globalStore: async ({ kvStore, kvStoreOptions }) =>
      kvStore === undefined ? undefined : await openStore(kvStore, kvStoreOptions),
    mode: chooseMode,
    dataplane: async ({ kind }, node, { dataRoot }) => {
      const memory = join(dataRoot, 'forwarding.json');
      return hooks.dataplane(
        kind === 'simulated' ? createSimulatedDataplane() : await openLinuxDataplane({ ...node, memory }),
      );
    },
    runtime: openRuntime,
    volumes: ({ dataRoot }) => volumesOnDisk(volumesIn(dataRoot)),
  };
}

/** The embedded store, beside the containers' own files. */
async function openState({ dataRoot, restore }: DaemonConfig, hooks: TestHooks): Promise<LocalState> {
  const directory = containersIn(dataRoot);
  const hasContainers = directoryIds(directory).length > 0;
  const trace = hasContainers ? { trace: `containers are in ${directory}` } : {};
  const embedded = await openEmbeddedStore(join(dataRoot, 'store'), { restore, ...trace });
  const { notes, isRestored } = embedded;
  const store = hooks.store(embedded);
  const putBackLost = (log: Logger) => putBack({ store, directory, isRestored, log });
  return { store, notes, hasContainers, putBackLost };
}

function volumesIn(dataRoot: string): string {
  return join(dataRoot, 'volumes');
}

function containersIn(dataRoot: string): string {
  return join(dataRoot, 'containers');
}

async function openRuntime(
  mode: Mode,
  parts: RuntimeParts,
  { dataRoot, pluginSocket }: DaemonConfig,
): Promise<{ readonly runtime: Runtime; readonly engine?: EngineSide }> {
  if (mode.kind === 'simulated') return { runtime: createSimulatedRuntime(parts) };
  if (mode.kind === 'sandbox') {
    return {
      runtime: createSandboxRuntime({
        ...parts,
        directory: containersIn(dataRoot),
        volumes: volumesIn(dataRoot),
        hidden: [dataRoot],
      }),
    };
  }
  const resolver = resolverAddress;
  const { socketPath } = mode;
  // Loaded in this mode only; see mode.ts.
  const { createEngineRuntime } = await import('../container/engine.ts');
  const { runtime, engine, links } = await createEngineRuntime({ ...parts, socketPath, resolver });
  await parts.dataplane.ensureHostAddress(resolver);
  const driver = pluginSocket.kind === 'none' ? 'fairlead' : pluginSocket.name;
  return { runtime, engine: { host: engine, links, driver, resolver, tag: parts.tag } };
}
