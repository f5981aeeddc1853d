import { existsSync, writeFileSync } from 'node:fs';
import { messageOf } from '../../../../lib/errors.ts';
import { Failure } from '../../../failure.ts';

/** Before the container is made. @throws Failure, in Docker's words */
export function refuseOldCidFile(path: string): void {
  if (path === '' || !existsSync(path)) return;
  throw new Failure(
    `container ID file found, make sure the other container isn't running or delete ${path}`,
    125,
  );
}

export function writeCidFile(path: string, id: string): void {
  if (path === '') return;
  try {
    writeFileSync(path, id, { flag: 'wx' });
  } catch (error) {
    throw new Failure(`failed to create the container ID file: ${messageOf(error)}`, 125);
  }
}
