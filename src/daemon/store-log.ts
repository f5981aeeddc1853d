import type { StoreStatus } from '../../kvstore/store.ts';
import type { Logger } from '../lib/log.ts';

const lookEveryMs = 500;

/** Logs when what needs room in the embedded store begins to be refused, and when it is taken again. Returns what ends it. */
export function logSpace(status: () => StoreStatus, log: Logger): () => void {
  let last: string | undefined;
  const look = () => {
    const { degraded } = status();
    if (degraded === last) return;
    last = degraded;
    if (degraded === undefined) log.info('the data root has room again: all changes are taken');
    else
      log.warn(
        `degraded: ${degraded} in the data root: reads and removals go on, what needs room is refused`,
      );
  };
  look();
  const timer = setInterval(look, lookEveryMs);
  return () => clearInterval(timer);
}

/**
 * Logs when a store goes away and when it is back, when it begins to refuse writes and when it takes them again: once
 * each, never in between. Returns what ends it.
 * `refusals`: how many requests have been answered with 503 so far.
 */
export function logStoreChanges(status: () => StoreStatus, log: Logger, refusals: () => number): () => void {
  let last: StoreStatus = { ...status(), reachable: true };
  let refusedBefore = 0;
  let degraded: string | undefined;
  const lookAtWrites = (now: StoreStatus) => {
    if (!now.reachable || now.degraded === degraded) return;
    degraded = now.degraded;
    if (degraded === undefined) log.info(`kv store ${now.name} takes writes again`);
    else log.warn(`kv store ${now.name} is degraded: ${degraded}; names, reads and local networks go on`);
  };
  const look = () => {
    lookAtWrites(status());
    const [before, now] = [last, status()];
    last = now;
    if (before.reachable === now.reachable) return;
    if (now.reachable) {
      const seconds = Math.round((now.since - before.since) / 1000);
      const refused = refusals() - refusedBefore;
      log.info(
        `kv store ${now.name} is reachable again, after ${seconds} s; ${refused} requests were refused`,
      );
    } else {
      refusedBefore = refusals();
      log.warn(
        `kv store ${now.name} ${now.refusal ? 'refuses this node' : 'is unreachable'} (${now.reason}): degraded, names and local networks go on`,
      );
    }
  };
  look();
  const timer = setInterval(look, lookEveryMs);
  return () => clearInterval(timer);
}
