import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { globalFlags } from '../../../src/cli/fairlead.ts';
import { withTables } from '../../../src/reference/markdown.ts';
import { pages } from '../../../src/reference/pages.ts';

const read = () => readFile(new URL('../../../docs/cli.md', import.meta.url), 'utf8');

describe('docs/cli.md', () => {
  it("has the program's own tables: run `npm run docs` after a change of commands or flags", async () => {
    const text = await read();
    expect(await withTables(text)).toBe(text);
  });

  it('speaks of no flag that does not exist', async () => {
    const commands = (await pages()).flatMap((page) => page.commands);
    const known = new Set([
      ...[globalFlags, ...commands.map(({ text }) => text.flags)].flatMap((flags) =>
        Object.entries(flags).flatMap(([name, { aliases = [] }]) => [name, ...aliases]),
      ),
      // Of all, and of Dokku.
      ...['help', 'quiet', 'force'],
    ]);
    const named = [...(await read()).matchAll(/(?<!<!)--([a-z][a-z0-9-]+)/g)].map(([, flag = '']) => flag);
    expect(named.filter((flag) => !known.has(flag))).toEqual([]);
  });

  it('leaves no command out', async () => {
    const text = await read();
    const paths = (await pages()).flatMap(({ commands }) => commands.map(({ path }) => path));
    expect(paths.length).toBeGreaterThan(50);
    expect(paths.filter((path) => path !== 'daemon' && !text.includes(`| \`${path}`))).toEqual([]);
  });
});
