import type { Store } from '../../kvstore/store.ts';
import type { Logger } from '../lib/log.ts';

const lookEveryMs = 500;

/** Logs when a store goes away and when it is back: once each, never in between. Returns what ends it. */
export function logStoreChanges(stores: readonly Store[], log: Logger): () => void {
  const last = new Map(stores.map((store) => [store, store.status()]));
  const timer = setInterval(() => {
    for (const store of stores) {
      const [before, now] = [last.get(store), store.status()];
      last.set(store, now);
      if (before?.reachable === now.reachable) continue;
      if (now.reachable) {
        const seconds = Math.round((now.since - (before?.since ?? now.since)) / 1000);
        log.info(`kv store ${now.name} is reachable again, after ${seconds} s`);
      } else {
        log.warn(
          `kv store ${now.name} is unreachable (${now.reason}): degraded, names and local networks go on`,
        );
      }
    }
  }, lookEveryMs);
  return () => clearInterval(timer);
}
