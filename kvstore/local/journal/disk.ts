import { access, type FileHandle, open, readFile, rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FairleadError, isDiskFull, messageOf } from '../../../src/lib/errors.ts';

/** Node opens every file with O_CLOEXEC, so no child of the daemon has one of these. */

export async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Puts a file in place whole or not at all, whatever happens meanwhile (rename(2), and fsync(2) of the directory). */
export async function replaceFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<FileHandle> {
  const fresh = `${path}.new`;
  const file = await open(fresh, 'w+', 0o600);
  try {
    await write(file);
    await file.sync();
    await rename(fresh, path);
    await syncDirectory(dirname(path));
    return file;
  } catch (error) {
    await file.close();
    await rm(fresh, { force: true });
    throw error;
  }
}

/** After: what was made, renamed or removed in it survives a loss of power. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r');
  await handle.sync();
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

export async function readOrUndefined(path: string): Promise<Buffer | undefined> {
  return (await exists(path)) ? await readFile(path) : undefined;
}

export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

export const noSpace = 'no space left on the device';

export function cannotWrite(path: string, error: unknown): FairleadError {
  return new FairleadError('unavailable', `cannot write ${path}: ${reasonOf(error)}`, { cause: error });
}

function reasonOf(error: unknown): string {
  return isDiskFull(error) ? noSpace : messageOf(error);
}
