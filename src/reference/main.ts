import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scriptFor, shells } from '../cli/completion/scripts.ts';
import { manPages } from './man.ts';
import { withTables } from './markdown.ts';
import { written } from './mdoc.ts';

/**
 * Writes what is made from the table of commands. `build DIST`: man pages and completion scripts, where a package takes
 * them from; `docs`: the tables of docs/cli.md.
 */
const [what, dist = 'dist'] = process.argv.slice(2);
if (what === 'docs') await writeDocs();
else await writeInto(dist);

async function writeInto(folder: string): Promise<void> {
  // As Debian and others ask of builds that are to be repeated.
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const date = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000);
  for (const page of await manPages())
    write(join(folder, 'man', `man${page.section}`), `${page.name}.${page.section}`, written(page, date));
  const places = {
    bash: (name: string) => name,
    fish: (name: string) => `${name}.fish`,
    zsh: (name: string) => `_${name}`,
  };
  for (const program of ['fairlead', 'docker', 'dokku'])
    for (const shell of shells)
      write(join(folder, 'completion', shell), places[shell](program), scriptFor(shell, program));
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
}

async function writeDocs(): Promise<void> {
  const file = 'docs/cli.md';
  writeFileSync(file, await withTables(readFileSync(file, 'utf8')));
}
