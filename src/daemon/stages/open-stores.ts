import type { Store } from '../../../kvstore/store.ts';
import { Failures } from '../../api/http/failures.ts';
import { Directory } from '../../cluster/directory.ts';
import { folders } from '../../cluster/keys.ts';
import { ensureSchema } from '../../cluster/schema.ts';
import type { Identity } from '../identity.ts';
import type { Mode } from '../mode.ts';
import { logSpace, logStoreChanges } from '../store-log.ts';
import { storeStates } from '../system-info.ts';
import type { Start } from './start.ts';

export interface OpenedStores {
  readonly identity: Identity;
  readonly mode: Mode;
  readonly local: Store;
  /** The same as `local` where there is no KV store. */
  readonly global: Store;
  /** Ready: it has read both. */
  readonly directory: Directory;
  readonly failures: Failures;
}

/** The node's own store, the KV store, and the directory over both. */
export async function openStores(start: Start): Promise<OpenedStores> {
  const { config, platform, log, stop, opened } = start;
  const identity = await platform.identity(config);
  const { local, mode } = await openLocal(start);
  stop.throwIfAborted();
  const shared = await platform.globalStore(config);
  if (shared) opened.push('kv store', () => shared.close());
  const global = shared ?? local;
  const { clock } = platform;
  const graceMs = config.leaseTtlSeconds * 1000;
  const directory = new Directory({ local, global }, log, { nodeId: identity.nodeId, graceMs, clock });
  opened.push('directory', () => directory.close());
  await directory.ready();
  const failures = new Failures(log, () => storeStates(directory).some(({ reachable }) => !reachable));
  return { identity, mode, local, global, directory, failures };
}

/** Says when the KV store goes away and comes back, from now on. */
export function logKvStore({ local, global, directory, failures }: OpenedStores, start: Start): void {
  if (global === local) return;
  const status = () => directory.status('global');
  start.opened.push(
    'store log',
    logStoreChanges(status, start.log, () => failures.count(503)),
  );
}

/** With all containers that the platform has, and the mode that fits them. */
async function openLocal({ config, platform, log, opened }: Start) {
  const state = await platform.localState(config);
  const { store: local, notes = [], hasContainers = false, putBackLost } = state;
  opened.push('store', () => local.close());
  for (const note of notes) log.warn(note);
  opened.push(
    'state log',
    logSpace(() => local.status(), log),
  );
  await ensureSchema(local);
  const recorded = await local.list(folders.containers);
  const mode = await platform.mode(config, hasContainers || recorded.length > 0);
  if (mode.kind === 'sandbox') await putBackLost?.(log);
  return { local, mode };
}
