import { FairleadError } from '../../src/lib/errors.ts';
import { checkCommit, checkFolder, checkKey, checkTtl } from '../limits.ts';
import type { Check, CommitResult, Entry, Lease, Store, StoreStatus, WatchEvent, Write } from '../store.ts';
import type { Ledger } from './ledger.ts';

export interface LedgerStoreOptions {
  /** Why nothing can be added to it just now, in a few words. */
  readonly trouble?: () => string | undefined;
  readonly onClose?: () => Promise<void>;
}

/** A store whose server is a ledger in this process: it can always be reached. */
export class LedgerStore implements Store {
  readonly #ledger: Ledger;
  readonly #status: StoreStatus;
  readonly #options: LedgerStoreOptions;
  readonly #leases = new Map<string, Lease>();
  #closed = false;

  constructor(ledger: Ledger, name: string, options: LedgerStoreOptions = {}) {
    this.#ledger = ledger;
    this.#status = { name, reachable: true, since: Date.now() };
    this.#options = options;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#mustBeOpen();
    checkKey(key);
    return this.#ledger.get(key);
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    this.#mustBeOpen();
    checkFolder(prefix);
    return this.#ledger.list(prefix);
  }

  async commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    this.#mustBeOpen();
    checkCommit(checks, writes);
    return this.#ledger.commit(checks, writes);
  }

  watch(prefix: string): AsyncIterableIterator<WatchEvent> {
    this.#mustBeOpen();
    checkFolder(prefix);
    return this.#ledger.watch(this, prefix);
  }

  async lease(ttlSeconds: number, ticket?: string): Promise<Lease> {
    this.#mustBeOpen();
    checkTtl(ttlSeconds);
    const isKept = ticket !== undefined && this.#ledger.adoptLease({ id: ticket, ttlSeconds });
    const id = isKept ? ticket : await this.#ledger.addLease(ttlSeconds);
    // Never aborted: while this process lives nothing but `revoke` ends the lease.
    const lost = new AbortController().signal;
    // It is this process's own: nobody else can end it.
    const never = { lost, onDoubt() {} };
    const lease: Lease = { id, ttlSeconds, ticket: id, ...never, revoke: () => this.#revoke(id) };
    this.#leases.set(id, lease);
    return lease;
  }

  status(): StoreStatus {
    const degraded = this.#options.trouble?.();
    return degraded === undefined ? this.#status : { ...this.#status, degraded, refusal: 'full' };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#ledger.endWatches(this);
    for (const lease of this.#leases.values()) this.#ledger.orphanLease(lease.id, lease.ttlSeconds);
    await this.#options.onClose?.();
  }

  async #revoke(id: string): Promise<void> {
    if (this.#closed) return;
    await this.#ledger.endLease(id);
    this.#leases.delete(id);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new FairleadError('unavailable', `kv store ${this.#status.name} is closed`);
  }
}
