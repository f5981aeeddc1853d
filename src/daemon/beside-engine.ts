import { join } from 'node:path';
import type { Store } from '../../kvstore/store.ts';
import type { EngineState } from '../api/deps.ts';
import type { Upstream } from '../api/host-engine/upstream.ts';
import { createPluginServer } from '../api/plugin/server.ts';
import type { Runtime } from '../container/runtime.ts';
import { createSandboxRuntime } from '../container/sandbox.ts';
import { createSimulatedRuntime } from '../container/simulated.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { resolverAddress } from '../dataplane/names.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { UndoStack } from '../lib/undo.ts';
import type { RunningModel } from '../network/create-model.ts';
import type { EngineSide } from '../network/parts.ts';
import type { DaemonConfig } from './config.ts';
import type { EngineWay, Way } from './way.ts';

export interface RuntimeParts {
  readonly dataplane: Dataplane;
  readonly store: Store;
  readonly log: Logger;
  /** The node's; see src/dataplane/names.ts. */
  readonly tag: string;
}

export function volumesDirectory(dataRoot: string): string {
  return join(dataRoot, 'volumes');
}

/** What runs the containers in this way, and the Engine where it is one. */
export async function openRuntime(
  way: Way,
  parts: RuntimeParts,
  { dataRoot, pluginSocket }: DaemonConfig,
): Promise<{ readonly runtime: Runtime; readonly engine?: EngineSide }> {
  if (way.way === 'simulated') return { runtime: createSimulatedRuntime(parts) };
  if (way.way === 'sandbox') {
    const [directory, volumes] = [join(dataRoot, 'containers'), volumesDirectory(dataRoot)];
    return { runtime: createSandboxRuntime({ ...parts, directory, volumes }) };
  }
  const resolver = resolverAddress;
  const { socketPath } = way;
  // Loaded in this way only; see way.ts.
  const { createEngineRuntime } = await import('../container/engine.ts');
  const { runtime, engine, links } = await createEngineRuntime({ ...parts, socketPath, resolver });
  await parts.dataplane.ensureHostAddress(resolver);
  const driver = pluginSocket.kind === 'none' ? 'fairlead' : pluginSocket.name;
  return { runtime, engine: { host: engine, links, driver, resolver, tag: parts.tag } };
}

/**
 * Listens as the Engine's plugin. Where another plugin has the name the daemon goes on without: its networks are
 * then not the Engine's. @returns why it does not listen, in one line
 */
export async function openPlugin(
  { plugin }: RunningModel,
  { pluginSocket }: DaemonConfig,
  log: Logger,
  opened: UndoStack,
): Promise<string | undefined> {
  if (!plugin) return undefined;
  if (pluginSocket.kind === 'none') return 'told not to be a plugin (--plugin-socket none)';
  const server = createPluginServer({ plugin, log });
  try {
    await server.listen(pluginSocket.path);
    opened.push('plugin', () => server.close());
    return undefined;
  } catch (error) {
    await server.close();
    const reason = `no plugin of the Docker Engine: ${messageOf(error)}; another name: --plugin-socket /PATH/NAME.sock`;
    log.error(reason);
    return reason;
  }
}

/** What clients ask of the Engine through us. */
export function upstreamOf({ socketPath }: EngineWay, { host, driver }: EngineSide): Upstream {
  return { socketPath, driver, apiVersion: () => host.status().apiVersion, know: (ref) => host.look(ref) };
}

/** How the Engine stands at this moment, for people. */
export function engineState({ host, driver }: EngineSide, pluginProblem: string | undefined): EngineState {
  const { complete: _, ...status } = host.status();
  return { ...status, plugin: driver, ...(pluginProblem ? { pluginProblem } : {}) };
}

/** Bridges and container ends of an Engine's are no underlay. */
export function isOfDocker(device: string): boolean {
  return /^(docker0|docker_gwbridge|br-[0-9a-f]{12}|veth[0-9a-f]{7})$/.test(device);
}
