import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files of a tree that people run: without an extension. */
export function programsIn(tree) {
  const folder = join(tree, 'dist/bin');
  return readdirSync(folder)
    .filter((name) => !name.includes('.'))
    .map((name) => join(folder, name));
}

/** Replaces what stands before the first comment, which names the interpreter. */
export function startWith(file, lines) {
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, [...lines, text.slice(text.indexOf('\n// ') + 1)].join('\n'));
}

/**
 * Node in the tree's own folder, wherever that is. A shell reads the second line as a command, which never returns; to
 * Node it is a string and a comment. So the file is its own program, not one that starts another, and the drop-ins know
 * themselves on the PATH.
 */
export const withNodeBeside = [
  '#!/bin/sh',
  `':' //; self=$(readlink -f "$0"); exec "\${self%/dist/bin/*}/node" "$self" "$@"`,
];
