import type { Entry } from '../store.ts';
import { type Batch, bytesOf, type LeaseRow, type Rows } from './rows.ts';

/** A transaction that is not in the rows yet: it sees its own writes, and nobody else does. */
export class Transaction {
  readonly #rows: Rows;
  /** Undefined: deleted. */
  readonly #entries = new Map<string, Entry | undefined>();
  readonly #leases = new Map<string, LeaseRow | undefined>();
  #version: number;

  /** `after`: the last version that was given, if only by a transaction that failed. */
  constructor(rows: Rows, after = rows.version) {
    this.#rows = rows;
    this.#version = after;
  }

  get version(): number {
    return this.#version;
  }

  get batch(): Batch {
    const deletes = [...this.#entries].flatMap(([key, entry]) =>
      entry === undefined && this.#rows.get(key) ? [key] : [],
    );
    return {
      version: this.#version,
      puts: [...this.#entries.values()].filter((entry) => entry !== undefined),
      deletes,
      leases: [...this.#leases.values()].filter((lease) => lease !== undefined),
      endedLeases: [...this.#leases].flatMap(([id, lease]) => (lease === undefined ? [id] : [])),
    };
  }

  /** By how many bytes the rows grow; negative: they shrink. */
  get growth(): number {
    let bytes = 0;
    for (const [key, entry] of this.#entries) {
      const old = this.#rows.get(key);
      bytes += (entry ? bytesOf(entry) : 0) - (old ? bytesOf(old) : 0);
    }
    for (const lease of this.#leases.values()) bytes += lease ? lease.id.length : -1;
    return bytes;
  }

  get(key: string): Entry | undefined {
    return this.#entries.has(key) ? this.#entries.get(key) : this.#rows.get(key);
  }

  put(entry: Entry): void {
    this.#entries.set(entry.key, entry);
  }

  delete(key: string): void {
    this.#entries.set(key, undefined);
  }

  /** A version that no entry of this table ever had. */
  nextVersion(): string {
    this.#version += 1;
    return String(this.#version);
  }

  hasLease(id: string): boolean {
    return this.#leases.has(id) ? this.#leases.get(id) !== undefined : this.#rows.lease(id) !== undefined;
  }

  addLease(lease: LeaseRow): void {
    this.#leases.set(lease.id, lease);
  }

  /** Forgets the lease and returns the keys that are on it, which the caller deletes. */
  removeLease(id: string): readonly string[] {
    this.#leases.set(id, undefined);
    const changed = [...this.#entries.values()].flatMap((entry) => (entry?.lease === id ? [entry.key] : []));
    const unchanged = this.#rows.keysOn(id).filter((key) => !this.#entries.has(key));
    return [...changed, ...unchanged];
  }
}
