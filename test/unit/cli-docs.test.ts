import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/cli/commands/program.ts';
import { type Group, isGroup } from '../../src/cli/program.ts';
import { daemon } from '../../src/daemon/command.ts';
import { fake } from '../../src/testing/command.ts';

const parts = { loadDaemon: async () => daemon, loadFake: async () => fake };

interface Documented {
  readonly path: string;
  readonly flags: readonly string[];
}

async function commands(group: Group, path: string): Promise<readonly Documented[]> {
  const found = Object.entries(group.members).map(async ([name, member]): Promise<readonly Documented[]> => {
    const inner = path === '' ? name : `${path} ${name}`;
    if (isGroup(member)) return commands(member, inner);
    const { flags } = (await member.load()).text;
    const shown = Object.entries(flags).filter(([, flag]) => !flag.hidden);
    return member.summary === undefined ? [] : [{ path: inner, flags: shown.map(([flag]) => flag) }];
  });
  return (await Promise.all(found)).flat();
}

/** docs/cli.md and the code say the same. */
describe('docs/cli.md', () => {
  it('has every command and every flag', async () => {
    const text = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    const missing: string[] = [];
    for (const { path, flags } of await commands(program(parts), '')) {
      const name = path.replace(/^container (?!ls$|inspect$)/, '');
      if (!new RegExp(`(\`|fairlead )${name}[ \`]`).test(text)) missing.push(name);
      for (const flag of flags) {
        if (!text.includes(flag.length === 1 ? `\`-${flag}\`` : `--${flag}`))
          missing.push(`${name} --${flag}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('has no flag that does not exist', async () => {
    const text = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    const all = await commands(program(parts), '');
    const known = new Set([
      ...all.flatMap(({ flags }) => flags),
      'help',
      'host',
      'version',
      'net',
      'quiet',
      'force',
    ]);
    const named = [...text.matchAll(/--([a-z][a-z0-9-]+)/g)].map(([, flag = '']) => flag);
    expect(named.filter((flag) => !known.has(flag))).toEqual([]);
  });
});
