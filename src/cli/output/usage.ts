import type { Command } from '../command.ts';
import { type Flag, type Flags, toggle } from '../flags/spec.ts';
import type { Group } from '../program.ts';
import { sectionsOf } from '../sections.ts';
import { plain, type Style } from './style.ts';
import { described, wrapped } from './wrap.ts';

/** Help texts in the form of the experimental release (the seed; docker-facts 1.2), as wide as the terminal is. */

const helpFlag = { help: toggle('Print usage') };

/** The usage line and the description: also what a wrong call is answered with. */
export function usageLine(path: string, { synopsis }: Pick<Command['text'], 'synopsis'>): string {
  return `Usage: ${path} [OPTIONS]${synopsis === '' ? '' : ` ${synopsis}`}`;
}

export function commandHelp(path: string, text: Command['text'], style: Style = plain): string {
  const { columns } = style;
  const usage = paragraph(usageLine(path, text), columns);
  return `\n${usage}\n${paragraph(text.description, columns)}\n\n${flagTable(text.flags, columns)}`;
}

export function groupHelp(path: string, group: Group, style: Style = plain): string {
  const { columns, bold } = style;
  const usage = `\n${paragraph(`Usage: ${path} ${group.synopsis}`, columns)}`;
  const intro = group.intro ? `\n${paragraph(group.intro, columns)}` : '';
  const options = group.flags ? `\n${bold('Options:')}\n\n${flagTable(group.flags, columns)}` : '';
  const commands = sectionsOf(group).map(([title, members]) => {
    const rows = members.map(([name, { summary = '' }]) => [`    ${name}`, summary] as const);
    return `\n${bold(`${title}:`)}\n${described(rows, columns, group.width + 4)}`;
  });
  const closing = `\n${paragraph(`Run '${path} COMMAND --help' for more information on a command.`, columns)}`;
  const help = group.flags ? '' : `\n${flagTable({}, columns)}`;
  return `${usage}${intro}${options}${commands.join('')}${closing}${help}`;
}

function paragraph(text: string, columns: number | undefined): string {
  return `${wrapped(text, columns).join('\n')}\n`;
}

/** mflag's PrintDefaults: sorted by first name, cells of at least 20 columns, one more space. */
function flagTable(flags: Flags, columns: number | undefined): string {
  const rows = Object.entries({ ...flags, ...helpFlag })
    .filter(([, flag]) => !flag.hidden)
    .map(([name, flag]): [string, string] => [namesOf(name, flag), flag.describe])
    .sort(([a], [b]) => compare(a, b))
    .map(([names, describe]) => [`  ${names}`, describe] as const);
  return described(rows, columns);
}

/** `-f, --filter=[]` */
function namesOf(name: string, flag: Flag): string {
  return `${spellings(name, flag).join(', ')}=${shownDefault(flag)}`;
}

/** Every way to write a flag, short ones first: `-f`, `--filter`. */
export function spellings(name: string, flag: Flag): readonly string[] {
  const long = name.length === 1 ? `-${name}` : `--${name}`;
  const aliases = (flag.aliases ?? []).map((alias) => (alias.startsWith('-') ? alias : `--${alias}`));
  return [...(flag.short ? [`-${flag.short}`] : []), ...aliases, long];
}

export function shownDefault(flag: Flag): string {
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
