import type { Check, Store, WatchEvent, Write } from '../../kvstore/store.ts';

/** What a node asks of its store, and is told by it. */
export interface Traffic {
  gets: number;
  lists: number;
  commits: number;
  /** Changes that watches delivered. */
  changes: number;
  /** Entries of snapshots, those of lists among them. */
  entries: number;
}

export const noTraffic = (): Traffic => ({ gets: 0, lists: 0, commits: 0, changes: 0, entries: 0 });

/** The store, with its calls counted. Keep-alives of leases are the store's own. */
export function counting(store: Store, traffic: Traffic): Store {
  return {
    get(key) {
      traffic.gets += 1;
      return store.get(key);
    },
    async list(prefix) {
      traffic.lists += 1;
      const entries = await store.list(prefix);
      traffic.entries += entries.length;
      return entries;
    },
    commit(checks: readonly Check[], writes: readonly Write[]) {
      traffic.commits += 1;
      return store.commit(checks, writes);
    },
    watch: (prefix) => countingWatch(store.watch(prefix), traffic),
    lease: (...args) => store.lease(...args),
    status: () => store.status(),
    close: () => store.close(),
  };
}

function countingWatch(
  watch: AsyncIterableIterator<WatchEvent>,
  traffic: Traffic,
): AsyncIterableIterator<WatchEvent> {
  return {
    async next() {
      const result = await watch.next();
      if (result.done) return result;
      if (result.value.type === 'changes') traffic.changes += result.value.changes.length;
      else traffic.entries += result.value.entries.length;
      return result;
    },
    return: async () => (await watch.return?.()) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
