import { Channel } from '../../src/lib/channel.ts';
import type { Change, Entry, WatchEvent } from '../store.ts';

interface Watcher {
  readonly owner: object;
  readonly prefix: string;
  readonly channel: Channel<WatchEvent>;
  /** New, or fallen behind: changes are kept from it until it has been given a snapshot. */
  needsSnapshot: boolean;
}

/** A watcher that lets this many events wait is given a snapshot in their place, so it costs no memory. */
const maxBacklog = 1024;

/** The watches of one process on a place whose every change passes through this process. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();

  /** The snapshot comes with the next `refresh`. */
  open(owner: object, prefix: string): Channel<WatchEvent> {
    const channel: Channel<WatchEvent> = new Channel(() => this.#watchers.delete(watcher));
    const watcher: Watcher = { owner, prefix, channel, needsSnapshot: true };
    this.#watchers.add(watcher);
    return channel;
  }

  /** Hands on what one commit changed. */
  publish(changes: readonly Change[]): void {
    for (const watcher of this.#watchers) {
      if (watcher.needsSnapshot) continue;
      const below = changes.filter((change) => keyOf(change).startsWith(watcher.prefix));
      if (below.length > 0) watcher.channel.push({ type: 'changes', changes: below });
      if (watcher.channel.backlog <= maxBacklog) continue;
      watcher.channel.drop();
      watcher.needsSnapshot = true;
    }
  }

  /** To be called when everything that `list` shows has been published, or changes would come twice. */
  refresh(list: (prefix: string) => readonly Entry[]): void {
    for (const watcher of this.#watchers) {
      if (!watcher.needsSnapshot) continue;
      watcher.needsSnapshot = false;
      watcher.channel.push({ type: 'snapshot', entries: list(watcher.prefix) });
    }
  }

  endAll(owner: object): void {
    for (const watcher of this.#watchers) {
      if (watcher.owner !== owner) continue;
      this.#watchers.delete(watcher);
      watcher.channel.close();
    }
  }
}

function keyOf(change: Change): string {
  return change.op === 'put' ? change.entry.key : change.key;
}
