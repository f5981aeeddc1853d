import type { Command } from './command.ts';
import { type Flag, type Flags, toggle } from './flags/spec.ts';
import { column } from './output/table.ts';
import type { Group } from './program.ts';

/** Help texts in the form of the experimental release (the seed; docker-facts 1.2). */

const helpFlag = { help: toggle('Print usage') };

/** The usage line and the description: also what a wrong call is answered with. */
export function usageLine(path: string, { synopsis }: Command['text']): string {
  return `Usage: ${path} [OPTIONS]${synopsis === '' ? '' : ` ${synopsis}`}`;
}

export function commandHelp(path: string, text: Command['text']): string {
  return `\n${usageLine(path, text)}\n\n${text.description}\n\n\n${flagTable(text.flags)}`;
}

export function groupHelp(path: string, group: Group): string {
  const lines = Object.entries(group.members)
    .filter(([, member]) => member.summary !== undefined)
    .map(([name, member]) => `    ${name.padEnd(group.width)}${member.summary}`);
  const usage = `\nUsage: ${path} ${group.synopsis}\n`;
  const intro = group.intro ? `\n${group.intro}\n` : '';
  const options = group.flags ? `\nOptions:\n\n${flagTable(group.flags)}` : '';
  const closing = `\nRun '${path} COMMAND --help' for more information on a command.\n`;
  const help = group.flags ? '' : `\n${flagTable({})}`;
  return `${usage}${intro}${options}\nCommands:\n${lines.join('\n')}\n${closing}${help}`;
}

/** mflag's PrintDefaults: sorted by first name, cells of at least 20 columns, one more space. */
function flagTable(flags: Flags): string {
  const rows = Object.entries({ ...flags, ...helpFlag })
    .filter(([, flag]) => !flag.hidden)
    .map(([name, flag]): [string, string] => [namesOf(name, flag), flag.describe])
    .sort(([a], [b]) => compare(a, b));
  return column(rows.map(([names, describe]) => [`  ${names}`, ` ${describe}`]));
}

function namesOf(name: string, flag: Flag): string {
  const long = name.length === 1 ? `-${name}` : `--${name}`;
  const aliases = (flag.aliases ?? []).map((alias) => (alias.startsWith('-') ? alias : `--${alias}`));
  const names = [...(flag.short ? [`-${flag.short}`] : []), ...aliases, long];
  return `${names.join(', ')}=${shownDefault(flag)}`;
}

function shownDefault(flag: Flag): string {
  if (flag.shown !== undefined) return flag.shown;
  if (flag.kind === 'list') return flag.map ? 'map[]' : '[]';
  if (flag.kind === 'switch') return String(flag.initial ?? false);
  if (flag.kind === 'number') return String(flag.initial ?? -1);
  return String(flag.initial ?? '');
}

function compare(a: string, b: string): number {
  const [first, second] = [sortKey(a), sortKey(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

function sortKey(names: string): string {
  return names.replace(/^-+/, '').toLowerCase();
}
