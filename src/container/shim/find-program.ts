import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isExecutable } from '../../lib/executable.ts';

/** A program could not be run; `exitCode` is 126 or 127, as a shell's. */
export class StartFailure extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The file that running `name` executes, searched for as execvp(3) does.
 * @throws StartFailure 127 when there is none, 126 when it is no program
 */
export function findProgram(name: string, path: string, workingDir: string): string {
  if (name.includes('/')) return checkFile(name, resolve(workingDir, name));
  // A relative entry of PATH, the empty one included, is below the working directory.
  const files = path.split(':').map((directory) => resolve(workingDir, directory, name));
  const found = files.find(isExecutable);
  if (found) return found;
  throw new StartFailure(127, `exec: "${name}": executable file not found in $PATH`);
}

/** @throws StartFailure */
export function checkDirectory(directory: string): void {
  const isDirectory = statSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (directory.startsWith('/') && isDirectory) return;
  throw new StartFailure(126, `the working directory ${directory} is no directory of this host`);
}

function checkFile(name: string, file: string): string {
  if (isExecutable(file)) return file;
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat) throw new StartFailure(127, `exec: "${name}": stat ${name}: no such file or directory`);
  throw new StartFailure(
    126,
    `exec: "${name}": ${stat.isDirectory() ? 'is a directory' : 'permission denied'}`,
  );
}
