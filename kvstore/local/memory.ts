import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { Ledger } from './ledger.ts';
import { LedgerStore } from './ledger-store.ts';
import { Rows } from './rows.ts';
import type { Table } from './table.ts';
import { Transaction } from './transaction.ts';

/** A store in memory. Two of them made with the same ledger are two clients of one store. */
export class MemoryStore extends LedgerStore {
  constructor(ledger: Ledger = createMemoryLedger()) {
    super(ledger, 'memory');
  }
}

export function createMemoryLedger(clock: Clock = systemClock): Ledger {
  return new Ledger(new MemoryTable(), clock);
}

class MemoryTable implements Table {
  readonly rows = new Rows();

  async transact<T>(work: (transaction: Transaction) => T): Promise<T> {
    const staged = new Transaction(this.rows);
    const result = work(staged);
    this.rows.apply(staged.batch);
    return result;
  }

  async close(): Promise<void> {}
}
