import { mkdir } from 'node:fs/promises';
import { FairleadError, messageOf } from '../../src/lib/errors.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { JournalTable } from './journal/journal-table.ts';
import { type OpenedState, openStateFiles, type StateFilesOptions } from './journal/state-files.ts';
import { Ledger } from './ledger.ts';
import { LedgerStore } from './ledger-store.ts';

/** The store in a directory of this host, for one process at a time. */
export class EmbeddedStore extends LedgerStore {
  /** What was found at the opening that a person should know, a line each. */
  readonly notes: readonly string[];
  /** It was damaged, and holds what the copy kept of it had: the newest changes may be missing. */
  readonly isRestored: boolean;

  constructor(table: JournalTable, { notes, isRestored }: OpenedState, lock: DirectoryLock) {
    const ledger = new Ledger(table);
    super(ledger, 'embedded', {
      trouble: () => table.trouble,
      onClose: async () => {
        await ledger.close();
        await lock.release();
      },
    });
    this.notes = notes;
    this.isRestored = isRestored;
  }
}

/**
 * A commit that has resolved survives `kill -9` and power loss. Leases of an earlier process get their TTL anew from
 * now.
 * @throws invalid when the directory cannot be written or holds something that is damaged, conflict when another
 * process has it open
 */
export async function openEmbeddedStore(
  directory: string,
  options: StateFilesOptions = {},
): Promise<EmbeddedStore> {
  const lock = await lockWritable(directory);
  try {
    const state = await openStateFiles(directory, options);
    return new EmbeddedStore(await JournalTable.open(state), state, lock);
  } catch (error) {
    await lock.release();
    if (error instanceof FairleadError) throw error;
    throw new FairleadError('invalid', `cannot open the state in ${directory}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function lockWritable(directory: string): Promise<DirectoryLock> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await lockDirectory(directory);
  } catch (error) {
    if (error instanceof FairleadError) throw error;
    throw new FairleadError('invalid', `data root ${directory} is not writable: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
