import type { Flag, Flags } from '../cli/flags/spec.ts';
import { shownDefault } from '../cli/output/usage.ts';

/** The flags that are shown, by name. */
export function shownFlags(flags: Flags): readonly (readonly [name: string, flag: Flag])[] {
  return Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The default in words; empty where there is none, or where it is what nobody asks for. */
export function defaultOf(flag: Flag): string {
  const text = shownDefault(flag);
  return ['', 'false', '-1', '[]', 'map[]'].includes(text) ? '' : text;
}

/** The placeholder of the value: `KEY=VALUE`, `NUMBER`, `VALUE`; empty for a switch. */
export function placeholderOf(flag: Flag): string {
  if (flag.kind === 'switch') return '';
  if (flag.kind === 'number') return 'NUMBER';
  return flag.map ? 'KEY=VALUE' : 'VALUE';
}

/** How often: `Several times, or with commas between.` */
export function repetitionOf(flag: Flag): string {
  if (flag.kind !== 'list') return '';
  return flag.commas
    ? 'May be given several times, or several values with commas between.'
    : 'May be given several times.';
}
