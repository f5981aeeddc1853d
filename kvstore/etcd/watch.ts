import type { Etcd3, IEvent, IKeyValue } from 'etcd3';
import { callTimeout, Gap } from '../remote/backend.ts';
import type { Change, Entry, WatchEvent } from '../store.ts';
import { WatchDenied } from './error.ts';

interface Range {
  readonly key: Buffer;
  readonly range_end: Buffer;
}

interface Listed {
  readonly entries: readonly Entry[];
  readonly revision: string;
}

export interface Follower {
  /** All of the range, at one revision. */
  readonly list: () => Promise<Listed>;
  readonly toEntry: (kv: IKeyValue) => Entry;
  readonly send: (event: WatchEvent) => void;
}

/**
 * One watch on the raw stream. etcd3's own watcher drops itself for good when the server cancels it
 * (compaction), which here is a gap like any other. Events of one revision come in one message, so a
 * commit is never seen in part.
 *
 * It begins before the list is asked for, not at the list's revision: by then there are later ones on a busy store, and
 * what begins in the past is told nothing for up to 100 ms, until etcd looks which watches are behind
 * (server/storage/mvcc/watchable_store.go, syncWatchersLoop).
 */
export async function followEtcd(
  client: Etcd3,
  range: Range,
  follower: Follower,
  signal: AbortSignal,
): Promise<void> {
  const stream = await client.watchClient.watch();
  const feed = new Feed(follower);
  let started: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      started = setTimeout(() => reject(new Error('no answer to a watch')), callTimeout);
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('the server ended the watch')));
      stream.on('data', ({ canceled, cancel_reason, created, events }) => {
        clearTimeout(started);
        if (canceled) return reject(endOfWatch(cancel_reason));
        if (created) feed.begin().catch(reject);
        try {
          feed.take(events);
        } catch (error) {
          reject(error);
        }
      });
      onAbort = resolve;
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) resolve();
      stream.write({ create_request: range });
    });
  } finally {
    clearTimeout(started);
    signal.removeEventListener('abort', onAbort);
    feed.end();
    endStream(stream);
  }
}

function endOfWatch(reason: string): Error {
  return /permission denied|auth/.test(reason) ? new WatchDenied(reason) : new Gap(reason || 'compacted');
}

/** A snapshot, then the events that it does not have. */
class Feed {
  /** Until the snapshot is sent. */
  #early: IEvent[] | undefined = [];
  #revision = 0n;
  #ended = false;

  constructor(private readonly follower: Follower) {}

  async begin(): Promise<void> {
    const { entries, revision } = await this.follower.list();
    if (this.#ended) return;
    this.follower.send({ type: 'snapshot', entries });
    this.#revision = BigInt(revision);
    const early = this.#early ?? [];
    this.#early = undefined;
    this.take(early);
  }

  /** A list that comes later is older than what another watch has told by then. */
  end(): void {
    this.#ended = true;
  }

  take(events: readonly IEvent[]): void {
    if (this.#early) {
      this.#early.push(...events);
      return;
    }
    const changes = events
      .filter(({ kv }) => BigInt(kv.mod_revision) > this.#revision)
      .map((event) => toChange(event, this.follower.toEntry));
    if (changes.length > 0) this.follower.send({ type: 'changes', changes });
  }
}

/** In this order: etcd3 takes an open stream that is cancelled for a failed server, and resets every other. */
export function endStream(stream: { end(): void; cancel(): void }): void {
  stream.end();
  stream.cancel();
}

function toChange(event: IEvent, toEntry: (kv: IKeyValue) => Entry): Change {
  const entry = toEntry(event.kv);
  return event.type === 'Delete' ? { op: 'delete', key: entry.key } : { op: 'put', entry };
}
