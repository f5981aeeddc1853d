import { isAbsolute, join } from 'node:path';
import { FairleadError } from '../../lib/errors.ts';
import { isExecutable } from '../../lib/executable.ts';

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

const found = new Map<string, string>();

/** Where a tool of the host is; undefined when it is not installed. */
function findTool(name: string): string | undefined {
  const known = found.get(name);
  if (known !== undefined && isExecutable(known)) return known;
  const path = searchTool(name);
  if (path !== undefined) found.set(name, path);
  return path;
}

function searchTool(name: string): string | undefined {
  const directories = `${process.env.PATH ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`.split(':').filter(isAbsolute);
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

/** Debian's names of the packages. */
const packages: Readonly<Record<string, string>> = {
  script: 'bsdutils or util-linux',
  stty: 'coreutils',
  chown: 'coreutils',
  env: 'coreutils',
};

/** @throws unsupported when it is not installed */
export function tool(name: string, purpose: string): string {
  const path = findTool(name);
  if (path) return path;
  throw new FairleadError(
    'unsupported',
    `${purpose} needs the program ${name} (${packages[name] ?? 'util-linux'}), which is not installed`,
  );
}
