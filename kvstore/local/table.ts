import type { Entry } from '../store.ts';
import type { LeaseRow, Rows } from './rows.ts';

/** Where a ledger keeps its entries and leases: in memory, or in memory and on the disk. Decides nothing. */
export interface Table {
  /** What has been committed. */
  readonly rows: Pick<Rows, 'get' | 'list' | 'leases'>;
  /**
   * Runs `work`, which is synchronous and sees its own writes; others see them once the promise has resolved.
   * Everything is durable then; when it rejects (kind `unavailable`: the disk) nothing was changed. Never called
   * again before the promise has settled.
   */
  transact<T>(work: (transaction: Transaction) => T): Promise<T>;
  close(): Promise<void>;
}

export interface Transaction {
  get(key: string): Entry | undefined;
  put(entry: Entry): void;
  delete(key: string): void;
  /** A version that no entry of this table ever had. */
  nextVersion(): string;
  hasLease(id: string): boolean;
  addLease(lease: LeaseRow): void;
  /** Forgets the lease and returns the keys that are on it, which the caller deletes. */
  removeLease(id: string): readonly string[];
}
