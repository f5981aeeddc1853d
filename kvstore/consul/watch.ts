import { setTimeout as pause } from 'node:timers/promises';
import { callTimeout, Gap } from '../remote/backend.ts';
import { changesBetween, versionsIn } from '../remote/changes.ts';
import type { Entry, WatchEvent } from '../store.ts';
import type { ConsulAnswer, ConsulClient } from './client.ts';

/** Milliseconds that a blocking query waits; short, so that a connection cut without a word is noticed. */
const wait = 8000;
/** Consul adds up to a sixteenth to the wait. */
const silence = wait + wait / 16 + callTimeout;
/** Milliseconds at most between two answers of a busy folder. */
const longestPause = 200;

/**
 * Blocking queries: each answer is the whole folder at one moment, and what differs from the last one are
 * the changes. A commit is therefore never seen in part.
 */
export async function followConsul(
  client: ConsulClient,
  key: string,
  entriesOf: (answer: ConsulAnswer) => Promise<Entry[]>,
  send: (event: WatchEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const query = { key, recurse: true };
  const first = await client.ask(({ kv }, ctx) => kv.get({ ...query, consistent: true, ctx }), { signal });
  let entries = await entriesOf(first);
  send({ type: 'snapshot', entries });
  let { index } = first;
  let known = versionsIn(entries);
  while (!signal.aborted) {
    // An index of 0 would not block at all.
    const from = { ...query, index: Math.max(1, index), wait: `${wait}ms` };
    const limits = { silence, signal };
    const answer = await client
      .ask(({ kv }, ctx) => kv.get({ ...from, ctx }), limits)
      .catch((error) => {
        if (!signal.aborted) throw error;
      });
    if (!answer) return;
    // Restored from a backup or wiped: the index is of another history.
    if (answer.index < index) throw new Gap('the index went back');
    entries = await entriesOf(answer);
    const changes = changesBetween(known, entries);
    if (changes.length > 0) send({ type: 'changes', changes });
    known = versionsIn(entries);
    index = answer.index;
    // A large folder that changes all the time shall take no more than half of the time.
    await pause(Math.min(answer.transfer, longestPause), undefined, { signal }).catch(() => {});
  }
}
