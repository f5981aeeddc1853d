import { readdirSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../src/lib/errors.ts';
import { type PluginAddress, parseJsonFile, parseSpecFile } from './address.ts';

/** Where plugins are looked for; Docker's own places, so that a plugin made for an Engine is found as it is. */
export interface PluginDirectories {
  readonly sockets: string;
  /** In this order; with `.spec` and `.json` files. */
  readonly files: readonly string[];
}

export const dockerDirectories: PluginDirectories = {
  sockets: '/run/docker/plugins',
  files: ['/etc/docker/plugins', '/usr/lib/docker/plugins'],
};

/** Names go into paths: what could leave the directory is no name. */
function isPluginName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name);
}

/**
 * Looks in Docker's order: X.sock, X/X.sock, then X.spec, X/X.spec, X.json, X/X.json of each directory.
 * @returns undefined when there is no such file
 * @throws unavailable when there is one that cannot be read
 */
export async function findPlugin(
  name: string,
  directories: PluginDirectories,
): Promise<PluginAddress | undefined> {
  if (!isPluginName(name)) return undefined;
  for (const path of candidates(directories.sockets, name, 'sock')) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isSocket()) return { kind: 'unix', path };
  }
  for (const directory of directories.files) {
    for (const [kind, parse] of [['spec', parseSpecFile] as const, ['json', parseJsonFile] as const]) {
      for (const path of candidates(directory, name, kind)) {
        const text = await textOf(path);
        if (text !== undefined) return await parse(name, path, text);
      }
    }
  }
  return undefined;
}

/** Names of everything that looks like a plugin's file; a file in a directory of its own name included. Sorted. */
export function listPlugins({ sockets, files }: PluginDirectories): readonly string[] {
  const names = [
    ...namesIn(sockets, /^(.+)\.sock$/),
    ...files.flatMap((directory) => namesIn(directory, /^(.+)\.(?:spec|json)$/)),
  ];
  return [...new Set(names)].filter(isPluginName).sort();
}

function candidates(directory: string, name: string, extension: string): readonly string[] {
  return [join(directory, `${name}.${extension}`), join(directory, name, `${name}.${extension}`)];
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function namesIn(directory: string, form: RegExp): readonly string[] {
  return entriesOf(directory).flatMap((entry) => {
    if (!entry.isDirectory()) return form.exec(entry.name)?.[1] ?? [];
    const inner = entriesOf(join(directory, entry.name)).map(({ name }) => form.exec(name)?.[1]);
    return inner.includes(entry.name) ? [entry.name] : [];
  });
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // Absent, or not ours to read: there is nothing to be found.
    return [];
  }
}

function isAbsent(error: unknown): boolean {
  return /^(ENOENT|ENOTDIR|EISDIR|EACCES)\b/.test(messageOf(error));
}
