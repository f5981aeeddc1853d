import type { Takes } from './takes.ts';

/**
 * What a command's flags are, as data: the help text, the splitting of words and the yargs options are all
 * made from this. As in Go, a flag that is not given has a value: false, '', -1 or an empty list.
 */
export interface Flag {
  readonly kind: FlagKind;
  readonly short?: string;
  /** Other long names that mean the same: `net` for `network`. */
  readonly aliases?: readonly string[];
  readonly describe: string;
  /** What the help shows after `=`; otherwise the default's form in the seed. */
  readonly shown?: string;
  /** `strings` of today's CLI: one value may hold several, separated by commas. */
  readonly commas?: boolean;
  /** `k=v` values; the help shows `map[]`. */
  readonly map?: boolean;
  readonly initial?: boolean | number | string;
  /** What its values may be. */
  readonly takes?: Takes;
  /** Accepted, but left out of the help (a flag that has no effect here). */
  readonly hidden?: boolean;
}

export type FlagKind = 'switch' | 'text' | 'number' | 'list';

export type Flags = Readonly<Record<string, Flag>>;

export type FlagValue<K extends FlagKind> = K extends 'switch'
  ? boolean
  : K extends 'number'
    ? number
    : K extends 'list'
      ? readonly string[]
      : string;

export type FlagValues<F extends Flags> = { readonly [Name in keyof F]: FlagValue<F[Name]['kind']> };

type Extra<K extends FlagKind> = Omit<Flag, 'kind' | 'describe'> & {
  readonly initial?: K extends 'switch' ? boolean : K extends 'number' ? number : string;
};
type Of<K extends FlagKind> = Flag & { readonly kind: K };

export function toggle(describe: string, extra: Extra<'switch'> = {}): Of<'switch'> {
  return { kind: 'switch', describe, ...extra };
}

export function text(describe: string, extra: Extra<'text'> = {}): Of<'text'> {
  return { kind: 'text', describe, ...extra };
}

export function number(describe: string, extra: Extra<'number'> = {}): Of<'number'> {
  return { kind: 'number', describe, ...extra };
}

export function list(describe: string, extra: Extra<'list'> = {}): Of<'list'> {
  return { kind: 'list', describe, ...extra };
}

export function initialOf(flag: Flag): boolean | number | string | readonly string[] {
  if (flag.kind === 'switch') return flag.initial ?? false;
  if (flag.kind === 'number') return flag.initial ?? -1;
  if (flag.kind === 'list') return [];
  return flag.initial ?? '';
}
