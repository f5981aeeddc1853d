import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const open = new Set<string>();

/** A test run that ends in the middle leaves nothing either. */
function removeAll(): void {
  for (const folder of open) rmSync(folder, { recursive: true, force: true });
}

/** A folder that only this user can enter, for as long as it is not removed. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-'));
  if (open.size === 0) process.once('exit', removeAll);
  open.add(folder);
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  open.delete(folder);
  if (open.size === 0) process.off('exit', removeAll);
  await rm(folder, { recursive: true, force: true });
}
