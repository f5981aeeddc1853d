import { existsSync } from 'node:fs';
import * as z from 'zod';
import type { Entry, Store } from '../../../../kvstore/store.ts';
import { decodeOrSkip } from '../../../cluster/decode.ts';
import { folders, keys } from '../../../cluster/keys.ts';
import { networkSchema, serviceSchema } from '../../../cluster/records.ts';
import { putBackNetwork, putBackService } from '../../../cluster/reseed/put-back.ts';
import { messageOf } from '../../../lib/errors.ts';
import { shortId } from '../../../lib/ids.ts';
import type { Logger } from '../../../lib/log.ts';
import { foldCase } from '../../../lib/names.ts';
import { type Container, containerSchema } from '../../container.ts';
import { initPid } from '../namespaces/namespaces.ts';
import { livingProcess } from '../pause-process.ts';
import { directoryIds, pathsOf } from './directory.ts';
import { type RecordFile, readRecordFile } from './record-files.ts';

export interface LostRecordsOptions {
  readonly store: Store;
  /** Containers' files, one directory each. */
  readonly directory: string;
  /** The store is one that was restored: newer changes are missing in it. */
  readonly isRestored: boolean;
  readonly log: Logger;
}

/**
 * Puts containers that the store has lost, or knows as they were before, back into it from their directories, with
 * their networks and services. Before anything else reads the store: a container that lives must not be taken for the
 * rest of one that was removed. What a full disk refuses is left alone (recovery.ts).
 */
export async function putBackLost(options: LostRecordsOptions): Promise<void> {
  const { store, directory, isRestored, log } = options;
  const known = new Map((await store.list(folders.containers)).map((entry) => [entry.key, entry]));
  const names = new Map([...known.values()].flatMap(nameIn));
  for (const id of directoryIds(directory)) {
    const lost = lostRecord(options, id, known.get(keys.container(id)));
    if (!lost) continue;
    try {
      const container = withFreeName(lost.container, names);
      await putBack(options, { ...lost, container });
      names.set(foldCase(container.name), id);
      log.warn(`container ${container.name} (${shortId(id)}) ${stateText(container)}`);
    } catch (error) {
      log.error(
        { err: error },
        `container ${lost.container.name} (${shortId(id)}) is not put back: ${messageOf(error)}`,
      );
    }
  }
  if (isRestored && existsSync(directory)) await dropRemoved(options, [...known.values()]);
}

/** What the directory knows of the container and the store does not; undefined: nothing. */
function lostRecord(
  { directory, isRestored }: LostRecordsOptions,
  id: string,
  entry: Entry | undefined,
): RecordFile | undefined {
  const paths = pathsOf(directory, id);
  const stored = entry && decodeOrSkip(containerSchema, entry);
  const outer = livingProcess(paths);
  const file = readRecordFile(paths);
  // Files follow the store, so a file that says of a living container that it runs is newer than a store that does not.
  const isNewer = outer && file?.container.state.status === 'running' && stored?.state.status !== 'running';
  if (entry && !isRestored && !(stored && isNewer)) return undefined;
  const record = file ?? (stored && { container: stored, networks: [], services: [] });
  if (!record) return undefined;
  const container = outer ? asRunning(record.container, initPid(outer) ?? 0) : record.container;
  const isSame = stored && JSON.stringify(container) === JSON.stringify(stored);
  return isSame ? undefined : { ...record, container };
}

/** It lives, so it has not ended since. */
function asRunning(container: Container, pid: number): Container {
  if (container.state.status === 'running') return container;
  return { ...container, state: { ...container.state, status: 'running', pid, exitCode: 0, error: '' } };
}

async function putBack({ store, log }: LostRecordsOptions, record: RecordFile): Promise<void> {
  const { container, networks, services } = record;
  for (const value of networks) {
    const network = decodeOrSkip(networkSchema, { value });
    if (network && !(await store.get(keys.network(network.id)))) await putBackNetwork(store, network, log);
  }
  for (const value of services) {
    const service = decodeOrSkip(serviceSchema, { value });
    if (!service || (await store.get(keys.service(service.networkId, service.name)))) continue;
    await putBackService(store, service, log);
  }
  const value = JSON.stringify(container);
  await store.commit([], [{ op: 'put', key: keys.container(container.id), value }]);
}

/** Every container has a directory, which goes with it: one without was removed after the copy was made. */
async function dropRemoved(
  { store, directory, log }: LostRecordsOptions,
  known: readonly Entry[],
): Promise<void> {
  const present = new Set(directoryIds(directory).map(keys.container));
  for (const { key, value } of known.filter((entry) => !present.has(entry.key))) {
    const name = decodeOrSkip(z.object({ name: z.string() }), { value })?.name ?? key;
    try {
      await store.commit([], [{ op: 'delete', key }]);
      log.warn(`container ${name} has no files any more: it was removed, and its restored record is dropped`);
    } catch (error) {
      log.error(
        { err: error },
        `container ${name}, which was removed, is still in the database: ${messageOf(error)}`,
      );
    }
  }
}

function withFreeName(container: Container, names: ReadonlyMap<string, string>): Container {
  const holder = names.get(foldCase(container.name));
  if (holder === undefined || holder === container.id) return container;
  const name = `${container.name}-${shortId(container.id)}`;
  return { ...container, name, spec: { ...container.spec, name } };
}

function nameIn(entry: Entry): [string, string][] {
  const record = decodeOrSkip(containerSchema, entry);
  return record ? [[foldCase(record.name), record.id]] : [];
}

function stateText({ state }: Container): string {
  const pid = state.pid > 0 ? `, pid ${state.pid},` : '';
  return state.status === 'running'
    ? `runs${pid} and is taken over by its own files, as the database has lost it`
    : 'is known by its own files again, as the database has lost it';
}
