import type { Rows } from '../rows.ts';
import type { Table } from '../table.ts';
import { Transaction } from '../transaction.ts';
import type { BackupCopy } from './backup-copy.ts';
import { cannotWrite, freeBytes } from './disk.ts';
import { Journal, NoRoom } from './journal.ts';
import { encodeBatch, encodeState } from './state-file.ts';

/** Bytes: a state that outgrew its snapshot by less is not written anew. */
const smallJournal = 1024 * 1024;
/** Bytes kept free in the file for what makes the state smaller, so that removals work on a full disk. */
const leastReserve = 256 * 1024;
/** Bytes by which a change may let the state grow and still use half of that: how a container ended, a lease. */
const slightGrowth = 256;
/** Bytes: with less free on the disk the state counts as having no room. */
const littleSpace = 256 * 1024;
/** Milliseconds. */
const lookAtDiskEvery = 2_000;
const keepCopyAfter = 60_000;

export interface OpenState {
  readonly path: string;
  readonly rows: Rows;
  readonly sequence: number;
  readonly journal: Journal;
  readonly copy: BackupCopy;
}

/**
 * All rows in memory; each transaction is one record appended to the state file, and its one wait for the disk. A
 * file that has outgrown its rows is written anew beside, while transactions go on.
 */
export class JournalTable implements Table {
  readonly #path: string;
  readonly rows: Rows;
  readonly #copy: BackupCopy;
  #journal: Journal;
  #sequence: number;
  #version: number;
  /** What is on the disk behind the last record is not known: the file must be written anew first. */
  #isSpoilt = false;
  /** Bytes of the journal at which it is written anew. */
  #limit = 0;
  #compaction: Promise<void> | undefined;
  /** While a new file is written: what was appended to the old one since. */
  #since: Buffer[] | undefined;
  #appending: Promise<void> = Promise.resolve();
  /** Appends wait for it: the new file takes the old one's place. */
  #held: Promise<void> | undefined;
  #isFull = false;
  readonly #disk: NodeJS.Timeout;
  #keeping: NodeJS.Timeout | undefined;

  private constructor({ path, rows, sequence, journal, copy }: OpenState) {
    this.#path = path;
    this.rows = rows;
    this.#copy = copy;
    this.#journal = journal;
    this.#sequence = sequence;
    this.#version = rows.version;
    this.#setLimit();
    this.#disk = setInterval(() => void this.#lookAtDisk(), lookAtDiskEvery).unref();
  }

  static async open(state: OpenState): Promise<JournalTable> {
    const table = new JournalTable(state);
    await table.#lookAtDisk();
    void table.#keep();
    return table;
  }

  /** Number of the last change. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Why nothing can be added, in a few words; undefined when something can. */
  get trouble(): string | undefined {
    return this.#isFull ? 'no space' : undefined;
  }

  async transact<T>(work: (transaction: Transaction) => T): Promise<T> {
    const staged = new Transaction(this.rows, this.#version);
    const result = work(staged);
    this.#version = staged.version;
    const { batch } = staged;
    const changes = [batch.puts, batch.deletes, batch.leases, batch.endedLeases];
    if (changes.every(({ length }) => length === 0)) return result;
    await this.#append(encodeBatch(batch, this.#sequence + 1), this.#leastFree(staged.growth));
    this.#sequence += 1;
    this.rows.apply(batch);
    this.#afterChange();
    return result;
  }

  async close(): Promise<void> {
    clearInterval(this.#disk);
    clearTimeout(this.#keeping);
    await this.#compaction;
    // What was refused must not be found at the next start.
    if (this.#isSpoilt) await this.#compact().catch(() => {});
    await this.#keep();
    await this.#journal.close();
  }

  get #reserve(): number {
    return Math.max(leastReserve, Math.ceil(this.rows.bytes / 4));
  }

  /** What makes the state smaller may use all of the reserve. */
  #leastFree(growth: number): number {
    if (growth <= 0) return 0;
    return growth <= slightGrowth ? this.#reserve / 2 : this.#reserve;
  }

  async #append(record: Buffer, least: number): Promise<void> {
    try {
      if (this.#isSpoilt) await this.#compaction;
      if (this.#isSpoilt) await this.#compact();
      while (this.#held) await this.#held;
      this.#appending = this.#journal.append(record, this.#reserve, least);
      await this.#appending;
      this.#since?.push(record);
    } catch (error) {
      if (error instanceof NoRoom) this.#isFull = true;
      else this.#isSpoilt = true;
      throw cannotWrite(this.#path, error);
    }
  }

  #afterChange(): void {
    this.#keeping ??= setTimeout(() => void this.#keep(), keepCopyAfter).unref();
    if (this.#journal.appended < this.#limit || this.#compaction) return;
    this.#compaction = this.#compact()
      .then(() => this.#keep())
      // Appending goes on; it is tried again when as much has come again.
      .catch(() => this.#setLimit(this.#journal.appended))
      .finally(() => {
        this.#compaction = undefined;
      });
  }

  #setLimit(from = 0): void {
    this.#limit = from + Math.max(smallJournal, this.#journal.snapshotSize);
  }

  async #compact(): Promise<void> {
    const since: Buffer[] = [];
    this.#since = since;
    let letGo = () => {};
    try {
      const state = encodeState(this.rows, this.#sequence);
      const journal = await Journal.replace(this.#path, state, this.#reserve, async (write) => {
        this.#held = new Promise((resolve) => {
          letGo = resolve;
        });
        await this.#appending.catch(() => {});
        for (const record of since) await write(record);
      });
      const old = this.#journal;
      this.#journal = journal;
      this.#isSpoilt = false;
      this.#setLimit();
      await old.close();
    } finally {
      this.#since = undefined;
      this.#held = undefined;
      letGo();
    }
  }

  /** A disk that has no room for the copy has the one of before, and is asked again after the next change. */
  async #keep(): Promise<void> {
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    await this.#copy.write(this).catch(() => {});
  }

  async #lookAtDisk(): Promise<void> {
    const free = await freeBytes(this.#path).catch(() => 0);
    this.#isFull = free < Math.max(littleSpace, this.#journal.lacks(this.#reserve));
  }
}
