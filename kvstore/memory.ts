import { type Clock, systemClock } from '../src/lib/clock.ts';
import { Ledger } from './ledger.ts';
import { LedgerStore } from './ledger-store.ts';
import type { Entry } from './store.ts';
import type { LeaseRow, Table, Transaction } from './table.ts';

/** A store in memory. Two of them made with the same ledger are two clients of one store. */
export class MemoryStore extends LedgerStore {
  constructor(ledger: Ledger = createMemoryLedger()) {
    super(ledger, 'memory');
  }
}

export function createMemoryLedger(clock: Clock = systemClock): Ledger {
  return new Ledger(new MemoryTable(), clock);
}

class MemoryTable implements Table, Transaction {
  readonly #entries = new Map<string, Entry>();
  readonly #leases = new Map<string, LeaseRow>();
  #version = 0;

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  list(prefix: string): readonly Entry[] {
    const entries = [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
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

  put(entry: Entry): void {
    this.#entries.set(entry.key, entry);
  }

  delete(key: string): void {
    this.#entries.delete(key);
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
    return [...this.#entries.values()].filter(({ lease }) => lease === id).map(({ key }) => key);
  }
}
