import type * as z from 'zod';
import type { Change, Entry, Store } from '../../../kvstore/store.ts';
import { type Clock, systemClock, type Timer } from '../../lib/clock.ts';
import { intern } from '../../lib/intern.ts';
import type { Logger } from '../../lib/log.ts';
import { decode } from '../decode.ts';

/** How long a writer waits to see its own write come back before it goes on without. */
const settleMs = 1000;
const rememberedWrites = 1024;

export interface Versioned<T> {
  readonly record: T;
  readonly version: string;
  /** Id of the lease that it is on. */
  readonly lease: string | undefined;
}

/** Milliseconds. */
export type Linger<T> = (record: T, key: string) => number;

export interface FolderOptions<T> {
  readonly store: Store;
  /** Ends in `/`. */
  readonly prefix: string;
  readonly schema: z.ZodType<T>;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Told after each batch which records came, changed or went. */
  readonly onChange: (changed: readonly T[]) => void;
  /**
   * Asked when the snapshot after a gap lacks what was known: for how many milliseconds is each record to
   * be shown all the same? 0: it is gone. Infinity: until the store has it again, or a writer deletes it.
   * When it rejects all of them linger for `graceMs`.
   */
  readonly afterGap?: (missing: readonly T[]) => Promise<Linger<T>>;
  readonly graceMs?: number;
  /** Whether a deletion that is told is judged like a gap: the store may have ended leases that nobody gave up. */
  readonly doubts?: (record: T) => boolean;
}

/** An in-memory copy of one folder, decoded, kept true by a watch. */
export class WatchedFolder<T> {
  readonly #entries = new Map<string, Versioned<T>>();
  /** Keys that the store lacks and that are shown all the same, with what ends that. */
  readonly #lingering = new Map<string, Timer | undefined>();
  readonly #seen = new Set<string>();
  readonly #waiters = new Map<string, Set<() => void>>();
  readonly #watch;
  readonly #done: Promise<void>;
  #isReady = false;
  #markReady: () => void = () => {};
  /** Resolves at the first snapshot. */
  readonly ready: Promise<void> = new Promise((resolve) => {
    this.#markReady = resolve;
  });

  constructor(private readonly options: FolderOptions<T>) {
    this.#watch = options.store.watch(options.prefix);
    this.#done = this.#follow();
  }

  /** Whether there has been a snapshot: before it, what is absent here is not known to be absent. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** What the store has under the key; not what only lingers here. */
  stored(key: string): Versioned<T> | undefined {
    return this.#lingering.has(key) ? undefined : this.#entries.get(key);
  }

  get(key: string): Versioned<T> | undefined {
    return this.#entries.get(key);
  }

  *records(): IterableIterator<T> {
    for (const { record } of this.#entries.values()) yield record;
  }

  entries(): IterableIterator<[string, Versioned<T>]> {
    return this.#entries.entries();
  }

  covers(key: string): boolean {
    return key.startsWith(this.options.prefix);
  }

  /** Shows a lingering record no longer. */
  forget(key: string): void {
    if (this.#lingering.has(key)) this.#change([{ op: 'delete', key }]);
  }

  /** Resolves once a write (version undefined: a delete) has come back through the watch, or after a second. */
  async settled(key: string, version: string | undefined): Promise<void> {
    const token = `${key}@${version ?? ''}`;
    if (version === undefined) this.forget(key);
    const current = this.#entries.get(key)?.version;
    if (current === version || this.#seen.has(token)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(finish, settleMs);
      const waiters = this.#waiters.get(token) ?? new Set();
      function finish(): void {
        clearTimeout(timer);
        waiters.delete(finish);
        resolve();
      }
      this.#waiters.set(token, waiters.add(finish));
    });
    if (this.#waiters.get(token)?.size === 0) this.#waiters.delete(token);
  }

  async stop(): Promise<void> {
    for (const timer of this.#lingering.values()) timer?.cancel();
    await this.#watch.return?.();
    await this.#done;
  }

  async #follow(): Promise<void> {
    try {
      while (await this.#takeNext());
    } catch (error) {
      this.options.log.debug({ err: error, prefix: this.options.prefix }, 'watch ended');
    }
  }

  /** `for await` would keep the last event, often a whole snapshot, alive until the next. */
  async #takeNext(): Promise<boolean> {
    const { done, value: event } = await this.#watch.next();
    if (done) return false;
    if (event.type === 'snapshot') await this.#replace(event.entries);
    else this.#change(await this.#believed(event.changes));
    return true;
  }

  async #replace(entries: readonly Entry[]): Promise<void> {
    const there = new Set(entries.map(({ key }) => key));
    const missing = [...this.#entries].filter(([key]) => !there.has(key));
    const lingerMs = missing.length > 0 ? await this.#judge(missing.map(([, { record }]) => record)) : gone;
    for (const [key, { record }] of missing) this.#linger(key, lingerMs(record, key));
    this.#apply([
      ...missing.flatMap(([key, { record }]) =>
        lingerMs(record, key) > 0 ? [] : ({ op: 'delete', key } as const),
      ),
      ...entries
        .filter((entry) => this.stored(entry.key)?.version !== entry.version)
        .map((entry) => ({ op: 'put', entry }) as const),
    ]);
    // Whatever a writer waits for is in the snapshot or was overwritten since.
    for (const token of this.#waiters.keys()) this.#wake(token);
    // Deletions that were seen say nothing of what is there now.
    for (const token of this.#seen) if (token.endsWith('@')) this.#seen.delete(token);
    this.#isReady = true;
    this.#markReady();
  }

  /** The changes without deletions that are not believed yet. */
  async #believed(changes: readonly Change[]): Promise<readonly Change[]> {
    const doubtful = new Map<string, T>();
    for (const change of changes) {
      if (change.op === 'put') continue;
      const record = this.#entries.get(change.key)?.record;
      if (record !== undefined && this.options.doubts?.(record)) doubtful.set(change.key, record);
    }
    if (doubtful.size === 0) return changes;
    const lingerMs = await this.#judge([...doubtful.values()]);
    return changes.filter((change) => {
      if (change.op === 'put') return true;
      const record = doubtful.get(change.key);
      const milliseconds = record === undefined ? 0 : lingerMs(record, change.key);
      if (milliseconds === 0) return true;
      this.#linger(change.key, milliseconds);
      // A writer that waits for this deletion need wait no longer.
      this.#wake(`${change.key}@`);
      return false;
    });
  }

  async #judge(missing: readonly T[]): Promise<Linger<T>> {
    const { afterGap, graceMs = 0 } = this.options;
    if (!afterGap) return gone;
    try {
      return await afterGap(missing);
    } catch {
      // Away again: the next snapshot is judged anew.
      return () => graceMs;
    }
  }

  #linger(key: string, milliseconds: number): void {
    this.#lingering.get(key)?.cancel();
    if (milliseconds === 0) return;
    const end = () => {
      // A store that is away again confirms nothing.
      if (this.options.store.status().reachable) this.forget(key);
      else this.#linger(key, milliseconds);
    };
    const { clock = systemClock } = this.options;
    this.#lingering.set(key, milliseconds === Infinity ? undefined : clock.after(milliseconds, end));
  }

  #change(changes: readonly Change[]): void {
    this.#apply(changes);
    for (const change of changes) {
      if (change.op === 'delete') {
        this.#wake(`${change.key}@`);
        continue;
      }
      const { key, version } = change.entry;
      this.#wake(`${key}@${version}`);
      // A deletion that was seen says nothing of one after this put.
      this.#wake(`${key}@`);
      this.#seen.delete(`${key}@`);
    }
  }

  #apply(changes: readonly Change[]): void {
    const changed: T[] = [];
    for (const change of changes) {
      const key = change.op === 'put' ? change.entry.key : change.key;
      const before = this.#entries.get(key)?.record;
      this.#lingering.get(key)?.cancel();
      this.#lingering.delete(key);
      if (before !== undefined) changed.push(before);
      const after = change.op === 'put' ? this.#put(change.entry) : this.#delete(change.key);
      if (after !== undefined) changed.push(after);
    }
    if (changed.length > 0) this.options.onChange(changed);
  }

  #put(entry: Entry): T | undefined {
    const record = this.#decode(entry);
    const { key, version } = entry;
    const lease = entry.lease && intern(entry.lease);
    if (record === undefined) this.#entries.delete(key);
    else this.#entries.set(key, { record, version, lease });
    return record;
  }

  #delete(key: string): undefined {
    this.#entries.delete(key);
  }

  /** A record that does not decode is named and skipped: one bad key must not hide the others. */
  #decode(entry: Entry): T | undefined {
    const decoded = decode(this.options.schema, entry);
    if (decoded.ok) return decoded.record;
    this.options.log.error(
      { key: entry.key },
      `skipping ${entry.key}: not a valid record (${decoded.problem})`,
    );
    return undefined;
  }

  #wake(token: string): void {
    this.#seen.add(token);
    if (this.#seen.size > rememberedWrites) this.#forgetOldest();
    for (const waiter of this.#waiters.get(token) ?? []) waiter();
  }

  #forgetOldest(): void {
    for (const token of this.#seen) {
      this.#seen.delete(token);
      return;
    }
  }
}

const gone = () => 0;
