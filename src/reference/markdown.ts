import { globalFlags } from '../cli/fairlead.ts';
import type { Flags } from '../cli/flags/spec.ts';
import { spellings } from '../cli/output/usage.ts';
import { daemonFlags } from '../daemon/flags.ts';
import { defaultOf, shownFlags } from './flag-text.ts';
import { type Documented, pages } from './pages.ts';

/** Tables of docs/cli.md, each between a line `<!-- generated: NAME -->` and `<!-- end -->`; the rest is written by hand. */
export async function withTables(document: string): Promise<string> {
  const tables = await tablesByName();
  const missing = new Set(tables.keys());
  const filled = document.replace(
    /(<!-- generated: ([a-z]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_all, begin: string, name: string, end: string) => {
      const text = tables.get(name);
      if (text === undefined) throw new Error(`docs/cli.md: there is no table "${name}"`);
      missing.delete(name);
      return `${begin}${text}${end}`;
    },
  );
  if (missing.size > 0) throw new Error(`docs/cli.md lacks the tables ${[...missing].join(', ')}`);
  return filled;
}

async function tablesByName(): Promise<ReadonlyMap<string, string>> {
  const all = await pages();
  const groups = all.filter(({ commands }) => commands.length > 1);
  const rest = all.filter(({ commands, name }) => commands.length === 1 && name !== 'daemon');
  const small = groups.filter(({ name }) => name === 'dns');
  const alone = [...small, ...rest].flatMap(({ commands }) => commands);
  return new Map([
    ['global', flagTable(globalFlags)],
    ...groups
      .filter((group) => !small.includes(group))
      .map(({ name, commands }) => [name, commandTable(commands)] as const),
    ['rest', commandTable(alone)],
    ['daemon', flagTable(daemonFlags)],
  ]);
}

function commandTable(commands: readonly Documented[]): string {
  const rows = commands.map(({ path, text: { synopsis, description, flags } }) => {
    const usage = `\`${synopsis === '' ? path : `${path} ${synopsis}`}\``;
    return [usage, description, names(flags).join(' ')];
  });
  return markdownTable(['command', 'does', 'flags'], rows);
}

function names(flags: Flags): readonly string[] {
  return shownFlags(flags).map(([name, flag]) => `\`${spellings(name, flag).join(', ')}\``);
}

function flagTable(flags: Flags): string {
  const rows = shownFlags(flags).map(([name, flag]) => {
    const preset = defaultOf(flag);
    return [`\`${spellings(name, flag).join(', ')}\``, preset && `\`${preset}\``, flag.describe];
  });
  return markdownTable(['flag', 'default', 'meaning'], rows);
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return [header, header.map(() => '---'), ...rows].map(line).join('');
}
