import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What no build reads: an edit there builds nothing. */
const noInput = /^(node_modules|test|docs|bench|coverage|dist(\..*)?|\..*|.*\.md)$/;

/** A value that is another one when anything that a build reads is: sources, packages, this Node, the version. */
export function stampOf(version) {
  const hash = createHash('sha256').update(`${process.version} ${process.arch} ${version}\n`);
  for (const file of inputs('.')) hash.update(`${file}\n`).update(readFileSync(file)).update('\n');
  return hash.digest('hex');
}

function inputs(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  const wanted = folder === '.' ? entries.filter(({ name }) => !noInput.test(name)) : entries;
  return wanted
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? inputs(path) : [path];
    });
}

export function isUpToDate(outdir, stamp) {
  const file = join(outdir, '.stamp');
  return existsSync(file) && readFileSync(file, 'utf8') === stamp;
}

export function leaveStamp(outdir, stamp) {
  writeFileSync(join(outdir, '.stamp'), stamp);
}
