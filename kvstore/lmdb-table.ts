import { statfs } from 'node:fs/promises';
import { type Database, open, type RootDatabase } from 'lmdb';
import * as z from 'zod';
import { FairleadError, messageOf } from '../src/lib/errors.ts';
import type { Entry } from './store.ts';
import type { LeaseRow, Table, Transaction } from './table.ts';

/** Bytes: what one commit may need at most, and LMDB's pages beside it. */
const fullBelow = 4 * 1024 * 1024;
/** No name of a lease: ids are hex. */
const noLease = '';
const ttlSchema = z.number().int().positive();

/** The row of a key is its lease's id, a line break, and the value; its LMDB version is the entry's. */
export class LmdbTable implements Table, Transaction {
  readonly #path: string;
  readonly #root: RootDatabase;
  readonly #rows: Database<string, string>;
  /** `<lease>/<key>`, so that the keys of a lease are one range. */
  readonly #held: Database<string, string>;
  /** Lease → TTL in seconds. */
  readonly #leases: Database<unknown, string>;
  readonly #counters: Database<unknown, string>;
  #version: number;

  /** @throws what LMDB says of a file that it cannot open */
  static open(path: string): LmdbTable {
    // Without overlappingSync a transaction resolves after the disk has it. Event-turn batching would
    // open a batch whose promise nobody has, and its rejection (disk full) would end the process.
    return new LmdbTable(path, open({ path, maxDbs: 4, overlappingSync: false, eventTurnBatching: false }));
  }

  private constructor(path: string, root: RootDatabase) {
    this.#path = path;
    this.#root = root;
    this.#rows = root.openDB({ name: 'rows', encoding: 'string', useVersions: true });
    this.#held = root.openDB({ name: 'held', encoding: 'string' });
    this.#leases = root.openDB({ name: 'leases', encoding: 'json' });
    this.#counters = root.openDB({ name: 'counters', encoding: 'json' });
    this.#version = z.number().int().default(0).parse(this.#counters.get('version'));
  }

  get(key: string): Entry | undefined {
    const row = this.#rows.getEntry(key);
    return row && toEntry(key, row.value, row.version);
  }

  list(prefix: string): readonly Entry[] {
    const rows = this.#rows.getRange({ ...rangeOf(prefix), versions: true });
    return [...rows.map((row) => toEntry(row.key, row.value, row.version))];
  }

  leases(): readonly LeaseRow[] {
    return [
      ...this.#leases.getRange().map(({ key, value }) => ({ id: key, ttlSeconds: ttlSchema.parse(value) })),
    ];
  }

  async transact<T>(work: (transaction: Transaction) => T): Promise<T> {
    try {
      // A child transaction is undone when `work` throws half-way; a plain one would keep the first half.
      return await this.#root.childTransaction(() => {
        const result = work(this);
        this.#counters.putSync('version', this.#version);
        return result;
      });
    } catch (error) {
      throw new FairleadError(
        'unavailable',
        `cannot write ${this.#path}: ${await reasonOf(error, this.#path)}`,
        {
          cause: error,
        },
      );
    }
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  put({ key, value, version, lease = noLease }: Entry): void {
    this.#takeOffLease(key);
    if (lease !== noLease) this.#held.putSync(`${lease}/${key}`, '');
    this.#rows.putSync(key, `${lease}\n${value}`, Number(version));
  }

  delete(key: string): void {
    this.#takeOffLease(key);
    this.#rows.removeSync(key);
  }

  /** Counts on even when the transaction fails, so a version is never given twice. */
  nextVersion(): string {
    this.#version += 1;
    return String(this.#version);
  }

  hasLease(id: string): boolean {
    return this.#leases.doesExist(id);
  }

  addLease(lease: LeaseRow): void {
    this.#leases.putSync(lease.id, lease.ttlSeconds);
  }

  removeLease(id: string): readonly string[] {
    this.#leases.removeSync(id);
    const keys = [...this.#held.getKeys(rangeOf(`${id}/`))];
    return keys.map((key) => key.slice(id.length + 1));
  }

  #takeOffLease(key: string): void {
    const lease = this.get(key)?.lease;
    if (lease !== undefined) this.#held.removeSync(`${lease}/${key}`);
  }
}

function toEntry(key: string, row: string, version: number | undefined): Entry {
  const end = row.indexOf('\n');
  const entry = { key, value: row.slice(end + 1), version: String(version) };
  return end === noLease.length ? entry : { ...entry, lease: row.slice(0, end) };
}

/** Prefixes end in `/`, and `0` is the character after it. */
function rangeOf(prefix: string): { readonly start: string; readonly end: string } {
  return { start: prefix, end: `${prefix.slice(0, -1)}0` };
}

/**
 * lmdb hides the system's reason for a failed commit in a promise beside the error, and LMDB reports a
 * write that a full disk cut short as an input/output error.
 */
async function reasonOf(error: unknown, path: string): Promise<string> {
  const parsed = z.object({ commitError: z.instanceof(Promise) }).safeParse(error);
  if (!parsed.success) return messageOf(error);
  const reason = await parsed.data.commitError.then(() => messageOf(error), messageOf);
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize < fullBelow ? 'no space left on the device' : reason;
}
