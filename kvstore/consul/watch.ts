import { setTimeout as pause } from 'node:timers/promises';
import { callTimeout, Gap } from '../remote/backend.ts';
import type { Change, Entry, WatchEvent } from '../store.ts';
import type { ConsulAnswer, ConsulHttp } from './http.ts';

/** Milliseconds that a blocking query waits; short, so that a connection cut without a word is noticed. */
const wait = 8000;
/** Milliseconds at most between two answers of a busy folder. */
const longestPause = 200;

/**
 * Blocking queries: each answer is the whole folder at one moment, and what differs from the last one are
 * the changes. A commit is therefore never seen in part.
 */
export async function followConsul(
  http: ConsulHttp,
  path: string,
  entriesOf: (answer: ConsulAnswer) => Promise<Entry[]>,
  send: (event: WatchEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const first = await http.ask({ method: 'GET', path: `${path}&consistent`, signal });
  let known = await snapshotOf(first, entriesOf, send);
  let index = first.index;
  while (!signal.aborted) {
    // Consul adds up to a sixteenth to the wait. An index of 0 would not block at all.
    const query = `${path}&index=${Math.max(1, index)}&wait=${wait}ms`;
    const timeout = wait + wait / 16 + callTimeout;
    const answer = await http.ask({ method: 'GET', path: query, timeout, signal }).catch((error) => {
      if (!signal.aborted) throw error;
    });
    if (!answer) return;
    // Restored from a backup or wiped: the index is of another history.
    if (answer.index < index) throw new Gap('the index went back');
    known = await changesOf(known, answer, entriesOf, send);
    index = answer.index;
    // A large folder that changes all the time shall take no more than half of the time.
    await pause(Math.min(answer.transfer, longestPause), undefined, { signal }).catch(() => {});
  }
}

type EntriesOf = (answer: ConsulAnswer) => Promise<Entry[]>;
type Send = (event: WatchEvent) => void;
/** Key → version; the values would double what a folder takes in memory. */
type Known = ReadonlyMap<string, string>;

async function snapshotOf(answer: ConsulAnswer, entriesOf: EntriesOf, send: Send): Promise<Known> {
  const entries = await entriesOf(answer);
  send({ type: 'snapshot', entries });
  return versionsOf(entries);
}

async function changesOf(
  known: Known,
  answer: ConsulAnswer,
  entriesOf: EntriesOf,
  send: Send,
): Promise<Known> {
  const entries = await entriesOf(answer);
  const changes = diff(known, entries);
  if (changes.length > 0) send({ type: 'changes', changes });
  return versionsOf(entries);
}

function versionsOf(entries: readonly Entry[]): Known {
  return new Map(entries.map(({ key, version }) => [key, version]));
}

/** In commit order, as far as the versions (ModifyIndex) of what there still is can tell. */
function diff(before: Known, after: readonly Entry[]): Change[] {
  const puts = after.filter(({ key, version }) => before.get(key) !== version);
  const left = new Set(after.map(({ key }) => key));
  const deleted = [...before.keys()].filter((key) => !left.has(key));
  puts.sort((a, b) => Number(a.version) - Number(b.version));
  return [
    ...deleted.map((key): Change => ({ op: 'delete', key })),
    ...puts.map((entry): Change => ({ op: 'put', entry })),
  ];
}
