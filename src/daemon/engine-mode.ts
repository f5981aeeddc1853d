import type { EngineState } from '../api/deps.ts';
import { createPluginServer } from '../api/plugin/server.ts';
import type { Upstream } from '../api/proxy/upstream.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { UndoStack } from '../lib/undo.ts';
import type { EngineSide } from '../network/context.ts';
import type { RunningModel } from '../network/create-model.ts';
import type { DaemonConfig } from './config.ts';
import type { EngineMode } from './mode.ts';

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
    log.error({ err: error }, reason);
    return reason;
  }
}

/** What clients ask of the Engine through us. */
export function upstreamOf({ socketPath }: EngineMode, { host, driver }: EngineSide): Upstream {
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
