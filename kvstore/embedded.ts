import { mkdir } from 'node:fs/promises';
import { FairleadError, messageOf } from '../src/lib/errors.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { Ledger } from './ledger.ts';
import { LedgerStore } from './ledger-store.ts';
import { isLmdbFile } from './lmdb-file.ts';
import { LmdbTable } from './lmdb-table.ts';
import type { Store } from './store.ts';

/**
 * The store in a directory of this host, for one process at a time. A commit that has resolved survives
 * `kill -9` and power loss. Leases of an earlier process get their TTL anew from now.
 * @throws invalid when the directory cannot be written or holds something else, conflict when another
 * process has it open
 */
export async function openEmbeddedStore(directory: string): Promise<Store> {
  const lock = await lockWritable(directory);
  try {
    const ledger = await openLedger(`${directory}/state.mdb`);
    return new LedgerStore(ledger, 'embedded', async () => {
      await ledger.close();
      await lock.release();
    });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openLedger(path: string): Promise<Ledger> {
  try {
    if (!(await isLmdbFile(path))) throw new Error('it is damaged or not a state file of Fairlead');
    return new Ledger(LmdbTable.open(path));
  } catch (error) {
    throw new FairleadError('invalid', `cannot open ${path}: ${messageOf(error)}`, { cause: error });
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
