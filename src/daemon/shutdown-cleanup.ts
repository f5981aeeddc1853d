import type { Store } from '../../kvstore/store.ts';
import type { NodeLease } from '../cluster/node-lease.ts';
import { forgetEmptyStore } from '../cluster/shutdown-cleanup.ts';
import type { Runtime } from '../container/runtime.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { runAll } from '../lib/undo.ts';

export interface ShutdownParts {
  readonly runtime: Runtime;
  readonly dataplane: Pick<Dataplane, 'close'>;
  readonly nodeLease: NodeLease;
  readonly global: Store;
}

/**
 * A daemon that stops leaves everything to its running containers. Where there are none it leaves nothing: neither
 * kernel objects, which the next start makes again, nor its place among the nodes.
 */
export async function cleanUpAtShutdown({
  runtime,
  dataplane,
  nodeLease,
  global,
}: ShutdownParts): Promise<void> {
  if (runtime.list().some(({ state }) => state.status === 'running')) return;
  if (runtime.unknown && runtime.unknown().length > 0) return;
  await runAll([
    () => dataplane.close(),
    async () => {
      if (!global.status().reachable) return;
      await nodeLease.leave();
      await forgetEmptyStore(global);
    },
  ]);
}
