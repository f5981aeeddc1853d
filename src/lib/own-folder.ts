import { lstatSync } from 'node:fs';
import { FairleadError } from './errors.ts';

/**
 * What is in a folder that somebody else made, or may write to, is not to be trusted: neither to put a socket there nor to
 * talk to one. A folder that does not exist is no trouble.
 * @throws forbidden, saying what to do
 */
export function requireOwnFolder(path: string, uid = process.getuid?.()): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || uid === undefined) return;
  const problem = problemOf(found, uid);
  if (problem === undefined) return;
  throw new FairleadError(
    'forbidden',
    `${path} is not to be trusted: ${problem}; remove it, or name another socket with -H unix:///PATH`,
  );
}

function problemOf(found: ReturnType<typeof lstatSync>, uid: number): string | undefined {
  if (!found) return undefined;
  if (!found.isDirectory()) return found.isSymbolicLink() ? 'it is a symbolic link' : 'it is not a folder';
  if (Number(found.uid) !== uid) return `it belongs to user ${found.uid}, not to ${uid}`;
  const mode = Number(found.mode) & 0o777;
  return mode === 0o700 ? undefined : `its mode is ${mode.toString(8).padStart(4, '0')}, not 0700`;
}
