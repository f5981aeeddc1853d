import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { type ExitRecord, shimFiles } from './protocol.ts';

const size = 256;

/**
 * Takes the file's block on the disk while the program starts, so that its end can be written down
 * later even when the disk is full by then.
 */
export function reserveExitFile(): void {
  writeFileSync(shimFiles.exit, ' '.repeat(size), { mode: 0o600 });
}

export function writeExitFile(record: ExitRecord): void {
  const fd = openSync(shimFiles.exit, 'r+');
  try {
    writeSync(fd, JSON.stringify(record).padEnd(size), 0);
    ftruncateSync(fd, size);
  } finally {
    closeSync(fd);
  }
}
