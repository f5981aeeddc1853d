import type { NodeLease } from '../../cluster/node-lease.ts';
import type { Runtime } from '../../container/runtime.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import type { Dns } from '../../dns/dns.ts';
import type { EngineSide } from '../../network/context.ts';
import { cleanUpAtShutdown } from '../shutdown-cleanup.ts';
import type { OpenedStores } from './open-stores.ts';
import type { Start } from './start.ts';

export interface OpenedHost {
  readonly dataplane: Dataplane;
  /** Recovered: it knows the containers that run from before. */
  readonly runtime: Runtime;
  /** In the engine mode. */
  readonly engine?: EngineSide;
}

/** The data plane, and what runs the containers. */
export async function openHost(
  { config, platform, log, opened }: Start,
  { identity: { tag }, mode, local, global }: OpenedStores,
  nodeLease: NodeLease,
  dns: Pick<Dns, 'lookupAs'>,
): Promise<OpenedHost> {
  const dataplane = await platform.dataplane(mode, { tag, log }, config);
  const lookUp: Dns['lookupAs'] = (containerId, name) => dns.lookupAs(containerId, name);
  const parts = { dataplane, store: local, log, tag, lookUp };
  const { runtime, engine } = await platform.runtime(mode, parts, config);
  opened.push('containers', () => runtime.close());
  await runtime.recover();
  opened.push('what no container needs', () => cleanUpAtShutdown({ runtime, dataplane, nodeLease, global }));
  return { dataplane, runtime, ...(engine ? { engine } : {}) };
}
