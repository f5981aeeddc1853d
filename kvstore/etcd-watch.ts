import type { Etcd3, IEvent, IKeyValue } from 'etcd3';
import { callTimeout, Gap } from './backend.ts';
import type { Change, Entry, WatchEvent } from './store.ts';

interface Range {
  readonly key: Buffer;
  readonly range_end: Buffer;
}

/**
 * One watch on the raw stream. etcd3's own watcher drops itself for good when the server cancels it
 * (compaction), which here is a gap like any other. Events of one revision come in one message, so a
 * commit is never seen in part.
 */
export async function followEtcd(
  client: Etcd3,
  range: Range,
  revision: string,
  toEntry: (kv: IKeyValue) => Entry,
  send: (event: WatchEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const stream = await client.watchClient.watch();
  let started: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      started = setTimeout(() => reject(new Error('no answer to a watch')), callTimeout);
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('the server ended the watch')));
      stream.on('data', (response) => {
        clearTimeout(started);
        if (response.canceled) return reject(new Gap(response.cancel_reason || 'compacted'));
        const changes = response.events.map((event) => toChange(event, toEntry));
        if (changes.length === 0) return;
        try {
          send({ type: 'changes', changes });
        } catch (error) {
          reject(error);
        }
      });
      onAbort = resolve;
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) resolve();
      stream.write({ create_request: { ...range, start_revision: String(BigInt(revision) + 1n) } });
    });
  } finally {
    clearTimeout(started);
    signal.removeEventListener('abort', onAbort);
    endStream(stream);
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
