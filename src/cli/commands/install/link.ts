import { lstat, mkdir, readlink, rename, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { messageOf } from '../../../lib/errors.ts';
import { Failure } from '../../failure.ts';
import type { DropIn } from './programs.ts';

export interface Link {
  /** Where it is: `/usr/local/bin/docker`. */
  readonly path: string;
  readonly target: string;
}

/**
 * After: the link is there. One of another Fairlead is replaced in one step.
 * @throws Failure where something else has the name, or the folder cannot be written
 */
export async function placeLink({ path, target }: Link): Promise<void> {
  const found = await readLink(path);
  if (found === target) return;
  if (found !== undefined && !isOurs(found)) {
    const what = found === '' ? 'a file' : `a link to ${found}`;
    throw new Failure(
      `${path} is there already, ${what} that is not Fairlead's: name another directory, or move it away`,
    );
  }
  try {
    await mkdir(dirname(path), { recursive: true });
    await symlink(target, `${path}.fairlead`);
    await rename(`${path}.fairlead`, path);
  } catch (error) {
    throw new Failure(`${path} cannot be made: ${messageOf(error)}; name a directory of yours`);
  }
}

/** Whether it still is what `placeLink` made of some Fairlead. */
export async function isStillOurs(path: string): Promise<boolean> {
  const found = await readLink(path);
  return found !== undefined && isOurs(found);
}

/** What a link points to; empty for anything else, undefined where there is nothing. */
async function readLink(path: string): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return undefined;
  return found.isSymbolicLink() ? resolve(dirname(path), await readlink(path)) : '';
}

/** By the place that every installation has them in: what was linked may have been removed since. */
function isOurs(target: string): boolean {
  return /\/dist\/bin\/(docker|dokku)$/.test(target);
}

export function linkOf(name: DropIn, folder: string, programs: string): Link {
  return { path: join(resolve(folder), name), target: join(programs, name) };
}
