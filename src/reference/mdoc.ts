import type { Flag, Flags } from '../cli/flags/spec.ts';
import { spellings } from '../cli/output/usage.ts';
import { wrapped } from '../cli/output/wrap.ts';
import { defaultOf, placeholderOf, repetitionOf, shownFlags } from './flag-text.ts';

/** mdoc(7), the semantic language of man pages: a macro a line, text between. */

/** Text: each sentence begins a line, as roff wants it. */
export function prose(text: string): readonly string[] {
  return text.split(/(?<=[.!?]) (?=[A-Z])/).flatMap((one) => wrapped(one, lineLength).map(line));
}

/** Mandoc's lint allows 80, of which an escape may take some. */
const lineLength = 76;

function line(text: string): string {
  return escaped(text).replace(/^[.']/, '\\&$&');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('…', '...');
}

/** An argument of a macro: its blanks, quotes and macros' names are taken as they are. */
export function argument(text: string): string {
  return `"${escaped(text).replaceAll('"', '\\(dq').replace(/^\W/, '\\&$&')}"`;
}

export interface ManPage {
  readonly name: string;
  readonly section: 1 | 5;
  readonly summary: string;
  readonly synopsis?: readonly string[];
  /** Title → lines, in order. */
  readonly sections: Readonly<Record<string, readonly string[]>>;
  readonly seeAlso: readonly (readonly [name: string, section: number])[];
}

export function written(page: ManPage, date: Date): string {
  const { name, section, summary, synopsis, sections, seeAlso } = page;
  const month = date.toLocaleString('en', { month: 'long', timeZone: 'UTC' });
  const lines = [
    `.Dd ${month} ${date.getUTCDate()}, ${date.getUTCFullYear()}`,
    `.Dt ${name.toUpperCase()} ${section}`,
    '.Os',
    '.Sh NAME',
    `.Nm ${name}`,
    `.Nd ${summary}`,
    ...(synopsis ? ['.Sh SYNOPSIS', ...synopsis] : []),
    ...Object.entries(sections).flatMap(([title, body]) => [`.Sh ${title}`, ...body]),
    ...references(seeAlso),
  ];
  return `${lines.join('\n')}\n`;
}

function references(pages: ManPage['seeAlso']): readonly string[] {
  const sorted = [...pages].sort(([a, one], [b, other]) => one - other || (a < b ? -1 : 1));
  const lines = sorted.map(([name, section], index) => {
    return `.Xr ${name} ${section}${index === sorted.length - 1 ? '' : ' ,'}`;
  });
  return ['.Sh SEE ALSO', ...lines];
}

/** `NETWORK [NETWORK...]` in macros. */
export function synopsisOf(program: string, path: string, synopsis: string): readonly string[] {
  const words = synopsis.match(/\[(?:[^[\]]|\[[^\]]*\])*\]|\S+/g) ?? [];
  const macros = words.map((word) =>
    word.startsWith('[') ? `.Op Ar ${argument(word.slice(1, -1))}` : `.Ar ${argument(word)}`,
  );
  return [`.Nm ${program}`, ...(path === '' ? [] : [`.Cm ${path}`]), '.Op Ar options', ...macros];
}

export function flagList(flags: Flags): readonly string[] {
  const items = shownFlags(flags).flatMap(([name, flag]) => flagItem(name, flag));
  return items.length === 0 ? [] : ['.Bl -tag -width Ds', ...items, '.El'];
}

function flagItem(name: string, flag: Flag): readonly string[] {
  const names = spellings(name, flag).map((one) => `Fl ${one.slice(1)}`);
  const value = placeholderOf(flag);
  const preset = defaultOf(flag);
  return [
    `.It ${names.join(' , ')}${value === '' ? '' : ` Ar ${value}`}`,
    ...prose(sentence(flag.describe)),
    ...prose(repetitionOf(flag)).filter((text) => text !== ''),
    ...(preset === '' ? [] : [`The default is ${line(preset)}.`]),
  ];
}

export function sentence(text: string): string {
  return /[.!?)]$/.test(text) && !text.endsWith(')') ? text : `${text}.`;
}

export function definitions(rows: readonly (readonly [term: string, meaning: string])[]): readonly string[] {
  const items = rows.flatMap(([term, meaning]) => [`.It ${term}`, ...prose(sentence(meaning))]);
  return ['.Bl -tag -width Ds', ...items, '.El'];
}

export function example(lines: readonly string[]): readonly string[] {
  return ['.Bd -literal -offset indent', ...lines.map(line), '.Ed'];
}
