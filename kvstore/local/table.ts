import type { Rows } from './rows.ts';
import type { Transaction } from './transaction.ts';

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
