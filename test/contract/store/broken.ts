import { createHash } from 'node:crypto';
import type { Check, CommitResult, Entry, Lease, Store, WatchEvent, Write } from '../../../kvstore/store.ts';
import { pause } from './rig.ts';

export interface BrokenStore {
  readonly fault: string;
  /** The case of the suite that must reject it. */
  readonly rejectedBy: string;
  readonly breakIt: (sound: Store) => Partial<Store>;
}

export const brokenStores: readonly BrokenStore[] = [
  {
    fault: 'commit ignores its checks',
    rejectedBy: 'expect absent: the first creates, the second changes nothing',
    breakIt: (sound) => ({ commit: (_checks, writes) => sound.commit([], writes) }),
  },
  {
    fault: 'commit ignores the version it is to expect',
    rejectedBy: 'expect version: holds for the version of get, not for an older one nor for an absent key',
    breakIt: (sound) => ({
      commit: (checks, writes) =>
        sound.commit(
          checks.filter(({ expect }) => expect === 'absent'),
          writes,
        ),
    }),
  },
  {
    fault: 'commit does its writes before its checks',
    rejectedBy: 'one failed check: no write is done, and failed names its key',
    breakIt: (sound) => ({
      commit: async (checks, writes) => {
        const result = await sound.commit(checks, []);
        return result.ok ? sound.commit([], writes) : { ...(await sound.commit([], writes)), ...result };
      },
    }),
  },
  {
    fault: 'commit looks first and writes later',
    rejectedBy: 'of 50 that create one key at once exactly one wins',
    breakIt: (sound) => ({ commit: (checks, writes) => lookThenWrite(sound, checks, writes) }),
  },
  {
    fault: 'commit writes its keys one after another',
    rejectedBy: 'neither a reader nor a watcher sees part of a commit',
    breakIt: (sound) => ({ commit: (_checks, writes) => oneByOne(sound, writes) }),
  },
  {
    fault: 'a version is a hash of the value',
    rejectedBy: 'a version changes with every put, also of the same value, and is never used again',
    breakIt: hashedVersions,
  },
  {
    fault: 'commit takes any number of writes',
    rejectedBy: 'checks and writes together may be maxCommitSize, and one more is refused',
    breakIt: (sound) => ({
      commit: async (checks, writes) =>
        checks.length + writes.length > 32 ? oneByOne(sound, writes) : sound.commit(checks, writes),
    }),
  },
  {
    fault: 'a key may be written twice in a commit',
    rejectedBy: 'a key named twice among the checks or among the writes is refused',
    breakIt: (sound) => ({
      commit: (checks, writes) => sound.commit(uniqueByKey(checks), uniqueByKey(writes)),
    }),
  },
  {
    fault: 'a long value is cut',
    rejectedBy: 'a value over 64 KiB is refused, counted in bytes, and nothing of the commit is done',
    breakIt: (sound) => ({
      commit: (checks, writes) =>
        sound.commit(
          checks,
          writes.map((w) => (w.op === 'put' ? { ...w, value: w.value.slice(0, 20_000) } : w)),
        ),
    }),
  },
  {
    fault: 'list is not sorted',
    rejectedBy: 'list has every depth below the folder, nothing beside it, sorted by key',
    breakIt: (sound) => ({ list: async (prefix) => [...(await sound.list(prefix))].reverse() }),
  },
  {
    fault: 'list has only the first depth',
    rejectedBy: 'list has every depth below the folder, nothing beside it, sorted by key',
    breakIt: (sound) => ({
      list: async (prefix) =>
        (await sound.list(prefix)).filter(({ key }) => !key.slice(prefix.length).includes('/')),
    }),
  },
  {
    fault: 'list ends after 10,000 keys',
    rejectedBy: '20000 keys are listed whole, in time, and a watch on them sees what changes',
    breakIt: (sound) => ({ list: async (prefix) => (await sound.list(prefix)).slice(0, 10_000) }),
  },
  {
    fault: 'values are trimmed',
    rejectedBy: 'values come back byte for byte: empty, line breaks, NUL, any Unicode, 64 KiB',
    breakIt: (sound) => ({
      list: async (prefix) =>
        (await sound.list(prefix)).map((entry) => ({ ...entry, value: entry.value.trim() })),
    }),
  },
  {
    fault: 'a watch has no snapshot',
    rejectedBy: 'a watch begins with a snapshot, sorted, also of an empty folder',
    breakIt: (sound) => ({
      watch: (prefix) => filtered(sound.watch(prefix), ({ type }) => type === 'changes'),
    }),
  },
  {
    fault: 'a watch of an empty folder has no snapshot',
    rejectedBy: 'a watch begins with a snapshot, sorted, also of an empty folder',
    breakIt: (sound) => ({
      watch: (prefix) =>
        filtered(sound.watch(prefix), (event) => event.type === 'changes' || event.entries.length > 0),
    }),
  },
  {
    fault: 'a watch loses one change in fifty',
    rejectedBy: 'commits of many at once reach a watcher all',
    breakIt: (sound) => ({
      watch: (prefix) => {
        let count = 0;
        return filtered(sound.watch(prefix), () => ++count % 50 !== 0);
      },
    }),
  },
  {
    fault: 'a watch loses what happens right after its snapshot',
    rejectedBy: 'nothing is lost between snapshot and changes, whenever the watch begins',
    breakIt: (sound) => ({ watch: (prefix) => lateWatch(sound, prefix) }),
  },
  {
    fault: 'a watch loses deletes',
    rejectedBy: 'then come changes with their versions, puts and deletes, and nothing of other folders',
    breakIt: (sound) => ({
      watch: (prefix) => withoutDeletes(sound.watch(prefix)),
    }),
  },
  {
    fault: 'a watch tells changes in another order',
    rejectedBy: 'changes come in commit order',
    breakIt: (sound) => ({ watch: (prefix) => swapped(sound.watch(prefix)) }),
  },
  {
    fault: 'a watch goes on after close',
    rejectedBy: 'close ends every watch',
    breakIt: () => ({ close: async () => {} }),
  },
  {
    fault: 'a closed store answers',
    rejectedBy: 'after close every method but status rejects as unavailable, and close may be repeated',
    breakIt: () => ({ close: async () => {} }),
  },
  {
    fault: 'a waiting watch is not ended by return',
    rejectedBy: 'return ends a watch that waits, and break ends a loop',
    breakIt: (sound) => ({ watch: (prefix) => filtered(sound.watch(prefix), () => true) }),
  },
  {
    fault: 'revoke leaves the keys',
    rejectedBy: 'revoke deletes the keys of the lease, no others, and may be repeated',
    breakIt: (sound) => ({
      lease: async (ttl) => ({ ...(await sound.lease(ttl)), revoke: async () => {} }),
    }),
  },
  {
    fault: 'keys of a lease never end with the process',
    rejectedBy: 'a lease outlives its TTL while its process keeps it, and ends by its TTL without it',
    breakIt: () => ({ close: async () => {} }),
  },
  {
    fault: 'a lease is not kept alive',
    rejectedBy: 'a lease outlives its TTL while its process keeps it, and ends by its TTL without it',
    breakIt: (sound) => ({
      lease: async (ttl) => {
        const lease = await sound.lease(ttl);
        setTimeout(() => lease.revoke(), ttl * 1000);
        return lease;
      },
    }),
  },
  {
    fault: 'a key stays on its first lease',
    rejectedBy: 'a put without a lease takes the key off its lease, a put with another moves it',
    breakIt: stickyLeases,
  },
  {
    fault: 'entries do not name their lease',
    rejectedBy: 'entries name the lease that they are on',
    breakIt: (sound) => ({
      list: async (prefix) => (await sound.list(prefix)).map(({ lease: _, ...entry }) => entry),
    }),
  },
  {
    fault: 'a ticket is ignored',
    rejectedBy: 'a lease that a process has left is taken up again with its ticket, and kept',
    breakIt: (sound) => ({ lease: (ttl) => sound.lease(ttl) }),
  },
  {
    fault: 'a lease that is taken up again is left to its TTL',
    rejectedBy: 'a lease that a process has left is taken up again with its ticket, and kept',
    breakIt: (sound) => ({
      lease: async (ttl, ticket) => {
        const lease = await sound.lease(ttl, ticket);
        if (lease.ticket === ticket) setTimeout(() => lease.revoke(), ttl * 1000);
        return lease;
      },
    }),
  },
  {
    fault: 'the TTL of a lease that is taken up again is not looked at',
    rejectedBy: 'where a lease has ended, has another TTL or never was, its ticket gives a new one',
    breakIt: (sound) => ({ lease: (ttl, ticket) => sound.lease(ticket === undefined ? ttl : 5, ticket) }),
  },
  {
    fault: 'a put with an ended lease is taken as one without',
    rejectedBy: 'a commit with an ended lease is refused whole',
    breakIt: (sound) => ({
      commit: (checks, writes) =>
        sound.commit(checks, writes).catch(() => sound.commit(checks, writes.map(withoutLease))),
    }),
  },
];

function withoutLease(write: Write): Write {
  return write.op === 'put' ? { op: 'put', key: write.key, value: write.value } : write;
}

function uniqueByKey<T extends { readonly key: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.key, item])).values()];
}

async function oneByOne(store: Store, writes: readonly Write[]): Promise<CommitResult> {
  for (const write of writes) {
    await store.commit([], [write]);
    await pause(0);
  }
  return { ok: true, versions: new Map() };
}

async function lookThenWrite(store: Store, checks: readonly Check[], writes: readonly Write[]) {
  const result = await store.commit(checks, []);
  await pause(5);
  return result.ok ? store.commit([], writes) : result;
}

function hashedVersions(sound: Store): Partial<Store> {
  const hash = (value: string) => createHash('sha1').update(value).digest('hex');
  const get = async (key: string): Promise<Entry | undefined> => {
    const entry = await sound.get(key);
    return entry && { ...entry, version: hash(entry.value) };
  };
  const commit: Store['commit'] = async (_checks, writes) => {
    const result = await sound.commit([], writes);
    const puts = writes.flatMap((w): [string, string][] => (w.op === 'put' ? [[w.key, hash(w.value)]] : []));
    return result.ok ? { ok: true, versions: new Map(puts) } : result;
  };
  return { get, commit };
}

/** An async generator: `return()` waits behind a `next()` that waits, which is the fault in itself. */
async function* filtered(
  watch: AsyncIterableIterator<WatchEvent>,
  keeps: (event: WatchEvent) => boolean,
): AsyncGenerator<WatchEvent, undefined> {
  for await (const event of watch) if (keeps(event)) yield event;
}

async function* withoutDeletes(
  watch: AsyncIterableIterator<WatchEvent>,
): AsyncGenerator<WatchEvent, undefined> {
  for await (const event of watch) {
    const puts = event.type === 'changes' ? event.changes.filter(({ op }) => op === 'put') : [];
    yield event.type === 'changes' ? { type: 'changes', changes: puts } : event;
  }
}

async function* lateWatch(store: Store, prefix: string): AsyncGenerator<WatchEvent, undefined> {
  yield { type: 'snapshot', entries: await store.list(prefix) };
  await pause(5);
  yield* filtered(store.watch(prefix), ({ type }) => type === 'changes');
}

async function* swapped(watch: AsyncIterableIterator<WatchEvent>): AsyncGenerator<WatchEvent, undefined> {
  let held: WatchEvent | undefined;
  for await (const event of watch) {
    if (event.type === 'changes' && !held) {
      held = event;
      continue;
    }
    yield event;
    if (held) yield held;
    held = undefined;
  }
}

function stickyLeases(sound: Store): Partial<Store> {
  const leases = new Map<string, Lease>();
  const stick = (write: Write): Write => {
    if (write.op === 'delete') return write;
    const lease = leases.get(write.key) ?? write.lease;
    if (lease) leases.set(write.key, lease);
    return { op: 'put', key: write.key, value: write.value, ...(lease && { lease }) };
  };
  return { commit: (checks, writes) => sound.commit(checks, writes.map(stick)) };
}
