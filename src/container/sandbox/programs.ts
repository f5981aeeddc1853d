import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { FairleadError } from '../../lib/errors.ts';

/** A command that cannot be run: the Engine's words, and the exit code that it stands for. */
export class CommandError extends FairleadError {
  constructor(
    message: string,
    readonly exitCode: number,
    options?: ErrorOptions,
  ) {
    super('invalid', message, options);
  }
}

/**
 * The file that running `name` executes, searched for as execvp(3) does.
 * @throws CommandError 127 when there is none, 126 when it is no program
 */
export function findProgram(name: string, path: string, workingDir: string): string {
  if (name.includes('/')) return checkFile(name, resolve(workingDir, name));
  // A relative entry of PATH, the empty one included, is below the working directory.
  const files = path.split(':').map((directory) => resolve(workingDir, directory, name));
  const found = files.find(isProgram);
  if (found) return found;
  throw new CommandError(`exec: "${name}": executable file not found in $PATH`, 127);
}

/** Where a tool of the host is; undefined when it is not installed. */
export function findTool(name: string): string | undefined {
  const directories = `${process.env.PATH ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`.split(':').filter(isAbsolute);
  return directories.map((directory) => join(directory, name)).find(isProgram);
}

function checkFile(name: string, file: string): string {
  if (isProgram(file)) return file;
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat) throw new CommandError(`exec: "${name}": stat ${name}: no such file or directory`, 127);
  throw new CommandError(
    `exec: "${name}": ${stat.isDirectory() ? 'is a directory' : 'permission denied'}`,
    126,
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
