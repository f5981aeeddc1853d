import type { z } from 'zod';
import type { Change, Entry, Store } from '../../kvstore/store.ts';
import type { Logger } from '../lib/log.ts';

/** How long a writer waits to see its own write come back before it goes on without. */
const settleMs = 1000;
const rememberedWrites = 1024;

export interface Versioned<T> {
  readonly record: T;
  readonly version: string;
}

/** An in-memory copy of one folder, decoded, kept true by a watch. */
export class WatchedFolder<T> {
  readonly #entries = new Map<string, Versioned<T>>();
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

  constructor(
    store: Store,
    private readonly prefix: string,
    private readonly schema: z.ZodType<T>,
    private readonly log: Logger,
    /** Told after each batch which records came, changed or went. */
    private readonly onChange: (changed: readonly T[]) => void,
    /** Asked when a snapshot lacks what was known: has the store lost its data? Then it is kept, to be put back. */
    private readonly wasWiped: () => Promise<boolean> = async () => false,
  ) {
    this.#watch = store.watch(prefix);
    this.#done = this.#follow();
  }

  get(key: string): Versioned<T> | undefined {
    return this.#entries.get(key);
  }

  *records(): IterableIterator<T> {
    for (const { record } of this.#entries.values()) yield record;
  }

  /** Whether there has been a snapshot: before it, what is absent here is not known to be absent. */
  get isReady(): boolean {
    return this.#isReady;
  }

  covers(key: string): boolean {
    return key.startsWith(this.prefix);
  }

  /** Resolves once a write (version undefined: a delete) has come back through the watch, or after a second. */
  async settled(key: string, version: string | undefined): Promise<void> {
    const token = `${key}@${version ?? ''}`;
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
    await this.#watch.return?.();
    await this.#done;
  }

  async #follow(): Promise<void> {
    try {
      for await (const event of this.#watch) {
        if (event.type === 'snapshot') await this.#replace(event.entries);
        else this.#apply(event.changes);
      }
    } catch (error) {
      this.log.debug({ error, prefix: this.prefix }, 'watch ended');
    }
  }

  async #replace(entries: readonly Entry[]): Promise<void> {
    const there = new Set(entries.map(({ key }) => key));
    const missing = [...this.#entries.keys()].filter((key) => !there.has(key));
    const gone = missing.length > 0 && (await this.wasWiped()) ? [] : missing;
    this.#apply([
      ...gone.map((key) => ({ op: 'delete', key }) as const),
      ...entries
        .filter((entry) => this.#entries.get(entry.key)?.version !== entry.version)
        .map((entry) => ({ op: 'put', entry }) as const),
    ]);
    // Whatever a writer waits for is in the snapshot or was overwritten since.
    for (const token of this.#waiters.keys()) this.#wake(token);
    this.#isReady = true;
    this.#markReady();
  }

  #apply(changes: readonly Change[]): void {
    const changed: T[] = [];
    for (const change of changes) {
      const before = this.#entries.get(change.op === 'put' ? change.entry.key : change.key)?.record;
      if (before !== undefined) changed.push(before);
      const after = change.op === 'put' ? this.#put(change.entry) : this.#delete(change.key);
      if (after !== undefined) changed.push(after);
    }
    if (changed.length > 0) this.onChange(changed);
    for (const change of changes) {
      this.#wake(change.op === 'put' ? `${change.entry.key}@${change.entry.version}` : `${change.key}@`);
    }
  }

  #put(entry: Entry): T | undefined {
    const record = this.#decode(entry);
    if (record === undefined) this.#entries.delete(entry.key);
    else this.#entries.set(entry.key, { record, version: entry.version });
    return record;
  }

  #delete(key: string): undefined {
    this.#entries.delete(key);
  }

  /** A record that does not decode is named and skipped: one bad key must not hide the others. */
  #decode(entry: Entry): T | undefined {
    const decoded = this.schema.safeParse(parseJson(entry.value));
    if (decoded.success) return decoded.data;
    const issue = decoded.error.issues[0];
    this.log.error(
      { key: entry.key },
      `skipping ${entry.key}: not a valid record (${issue?.path.join('.')}: ${issue?.message})`,
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
