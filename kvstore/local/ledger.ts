import { type Clock, systemClock, type Timer } from '../../src/lib/clock.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import { newId } from '../../src/lib/ids.ts';
import {
  type Change,
  type Check,
  type CommitResult,
  type Entry,
  holds,
  type WatchEvent,
  type Write,
} from '../store.ts';
import type { LeaseRow } from './rows.ts';
import type { Table } from './table.ts';
import type { Transaction } from './transaction.ts';
import { Watchers } from './watchers.ts';

interface Task {
  /** Returns what it changed; decides everything before its first write. */
  readonly run: (transaction: Transaction) => readonly Change[];
  readonly settle: (failure?: { readonly error: unknown }) => void;
}

/** So many tasks share one transaction of the table, and its one wait for the disk. */
const maxBatch = 256;
/** Milliseconds until an ended lease whose keys could not be deleted (disk full) is tried again. */
const retryDelay = 1000;

/**
 * A store's server side within one process: puts commits in order, ends leases, feeds watches. Commits
 * that arrive while a transaction is under way go into the next one together.
 */
export class Ledger {
  readonly #table: Table;
  readonly #watchers = new Watchers();
  readonly #queue: Task[] = [];
  readonly #timers = new Map<string, Timer>();
  #running: Promise<void> | undefined;

  /** Leases that the table has from an earlier process get their TTL anew. */
  constructor(
    table: Table,
    private readonly clock: Clock = systemClock,
  ) {
    this.#table = table;
    for (const lease of table.rows.leases()) this.orphanLease(lease.id, lease.ttlSeconds);
  }

  get(key: string): Entry | undefined {
    return this.#table.rows.get(key);
  }

  list(prefix: string): readonly Entry[] {
    return this.#table.rows.list(prefix);
  }

  async commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    let result: CommitResult = { ok: true, versions: new Map() };
    let deadLease: string | undefined;
    await this.#submit((transaction) => {
      const failed = checks.find((check) => !holds(check, transaction.get(check.key)?.version));
      if (failed) result = { ok: false, failed: failed.key };
      else deadLease = leasesOf(writes).find((id) => !transaction.hasLease(id));
      if (failed || deadLease) return [];
      const changes = apply(writes, transaction);
      result = { ok: true, versions: versionsOf(changes) };
      return changes;
    });
    if (deadLease) throw new FairleadError('unavailable', `lease ${deadLease.slice(0, 12)} has ended`);
    return result;
  }

  /** Lasts until `endLease`, or until its TTL after `orphanLease`. */
  async addLease(ttlSeconds: number): Promise<string> {
    const id = newId();
    await this.#submit((transaction) => {
      transaction.addLease({ id, ttlSeconds });
      return [];
    });
    return id;
  }

  /** Keeps a lease that was orphaned. False: there is none such. */
  adoptLease({ id, ttlSeconds }: LeaseRow): boolean {
    const timer = this.#timers.get(id);
    const isThere = this.#table.rows.leases().some((row) => row.id === id && row.ttlSeconds === ttlSeconds);
    if (timer === undefined || !isThere) return false;
    timer.cancel();
    this.#timers.delete(id);
    return true;
  }

  /** Deletes the lease's keys as one commit. An unknown lease is no error. */
  async endLease(id: string): Promise<void> {
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
    await this.#submit((transaction) => {
      const keys = transaction.hasLease(id) ? transaction.removeLease(id) : [];
      for (const key of keys) transaction.delete(key);
      return keys.map((key) => ({ op: 'delete', key }));
    });
  }

  /** Nobody keeps the lease alive any more. Timers run on the monotonic clock: setting the clock ends no lease. */
  orphanLease(id: string, ttlSeconds: number): void {
    this.#endAfter(id, ttlSeconds * 1000);
  }

  watch(owner: object, prefix: string): AsyncIterableIterator<WatchEvent> {
    const channel = this.#watchers.open(owner, prefix);
    if (!this.#running) this.#refreshWatchers();
    return channel;
  }

  endWatches(owner: object): void {
    this.#watchers.endAll(owner);
  }

  /** Waits for the commits under way; the leases stay in the table. */
  async close(): Promise<void> {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await this.#running;
    await this.#table.close();
  }

  #endAfter(id: string, milliseconds: number): void {
    const end = () => this.endLease(id).catch(() => this.#endAfter(id, retryDelay));
    this.#timers.get(id)?.cancel();
    this.#timers.set(id, this.clock.after(milliseconds, end));
  }

  #submit(run: Task['run']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ run, settle: (failure) => (failure ? reject(failure.error) : resolve()) });
      this.#running ??= this.#work();
    });
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#runBatch(this.#queue.splice(0, maxBatch));
      this.#refreshWatchers();
    }
    this.#running = undefined;
  }

  async #runBatch(batch: readonly Task[]): Promise<void> {
    try {
      const changes = await this.#table.transact((transaction) => batch.map((task) => task.run(transaction)));
      for (const change of changes) this.#watchers.publish(change);
      for (const task of batch) task.settle();
    } catch (error) {
      const [only] = batch.length === 1 ? batch : [];
      if (only) return only.settle({ error });
      // One that asks too much of a full disk must not take the others along.
      for (const task of batch) await this.#runBatch([task]);
    }
  }

  /** Only between transactions: then the table shows exactly what has been published. */
  #refreshWatchers(): void {
    this.#watchers.refresh((prefix) => this.#table.rows.list(prefix));
  }
}

function leasesOf(writes: readonly Write[]): string[] {
  return writes.flatMap((write) => (write.op === 'put' && write.lease ? [write.lease.id] : []));
}

function apply(writes: readonly Write[], transaction: Transaction): Change[] {
  const version = transaction.nextVersion();
  return writes.flatMap((write): Change[] => {
    if (write.op === 'delete') {
      // A watcher is told of what changed; deleting an absent key changes nothing.
      if (!transaction.get(write.key)) return [];
      transaction.delete(write.key);
      return [{ op: 'delete', key: write.key }];
    }
    const { key, value, lease } = write;
    const entry: Entry = { key, value, version, ...(lease && { lease: lease.id }) };
    transaction.put(entry);
    return [{ op: 'put', entry }];
  });
}

function versionsOf(changes: readonly Change[]): Map<string, string> {
  return new Map(
    changes.flatMap((change) => (change.op === 'put' ? [[change.entry.key, change.entry.version]] : [])),
  );
}
