import { Ledger } from './ledger.ts';
import { LedgerStore } from './ledger-store.ts';
import type { Entry } from './store.ts';
import type { LeaseRow, Table, Transaction } from './table.ts';

interface Row {
  readonly entry: Entry;
  readonly lease: string | undefined;
}

/** A store in memory. Two of them made with the same ledger are two clients of one store. */
export class MemoryStore extends LedgerStore {
  constructor(ledger: Ledger = createMemoryLedger()) {
    super(ledger, 'memory');
  }
}

export function createMemoryLedger(): Ledger {
  return new Ledger(new MemoryTable());
}

class MemoryTable implements Table, Transaction {
  readonly #rows = new Map<string, Row>();
  readonly #leases = new Map<string, LeaseRow>();
  #version = 0;

  get(key: string): Entry | undefined {
    return this.#rows.get(key)?.entry;
  }

  list(prefix: string): readonly Entry[] {
    const entries = [...this.#rows.values()]
      .map((row) => row.entry)
      .filter(({ key }) => key.startsWith(prefix));
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  leases(): readonly LeaseRow[] {
    return [...this.#leases.values()];
  }

  // Atomic without any undoing: nothing here can fail, and nothing runs between.
  async transact<T>(work: (transaction: Transaction) => T): Promise<T> {
    return work(this);
  }

  async close(): Promise<void> {}

  put(entry: Entry, lease: string | undefined): void {
    this.#rows.set(entry.key, { entry, lease });
  }

  delete(key: string): void {
    this.#rows.delete(key);
  }

  nextVersion(): string {
    this.#version += 1;
    return String(this.#version);
  }

  hasLease(id: string): boolean {
    return this.#leases.has(id);
  }

  addLease(lease: LeaseRow): void {
    this.#leases.set(lease.id, lease);
  }

  removeLease(id: string): readonly string[] {
    this.#leases.delete(id);
    return [...this.#rows.values()].filter((row) => row.lease === id).map((row) => row.entry.key);
  }
}
