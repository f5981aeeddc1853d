import { parseBool } from '../../lib/go-bool.ts';
import { UsageError } from '../failure.ts';
import type { Flag, Flags } from './spec.ts';

/** The command line in one form: every flag as `--name=value`, then what is left. */
export interface Words {
  readonly flags: readonly { readonly name: string; readonly value: string }[];
  readonly args: readonly string[];
}

interface Found {
  readonly name: string;
  readonly flag: Flag;
  /** As users know it: `-f, --filter`. */
  readonly label: string;
}

/**
 * Splits words as Go's flag packages do, which yargs does not: `-fvalue`, `-itd`, `-p 80:80`, `--q=false`, the
 * single-dash `-net` of 2015, and values that begin with a dash. yargs then types and collects the values.
 * `interspersed: false` ends the flags at the first argument (`run IMAGE -x` leaves -x to the container).
 * @throws UsageError with today's Docker texts
 */
export function splitWords(words: readonly string[], flags: Flags, interspersed = true): Words {
  const found: { name: string; value: string }[] = [];
  const args: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return { flags: found, args: [...args, ...rest] };
    if (!word.startsWith('-') || word === '-') {
      args.push(word);
      if (!interspersed) return { flags: found, args: [...args, ...rest] };
    } else if (word.startsWith('--') || isLongWithOneDash(word, flags)) {
      found.push(longFlag(word, rest, flags));
    } else {
      found.push(...shortFlags(word, rest, flags));
    }
  }
  return { flags: found, args };
}

/** 2015's mflag took `-net`; only names given as an alias with a dash of its own are meant. */
function isLongWithOneDash(word: string, flags: Flags): boolean {
  const [name = ''] = word.split('=', 1);
  return Object.values(flags).some((flag) => flag.aliases?.includes(name));
}

function longFlag(word: string, rest: string[], flags: Flags) {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const found = findLong(name, flags);
  if (!found)
    throw new UsageError(`unknown flag: ${name}`, { unknown: { word: name, known: longNames(flags) } });
  const given = equals < 0 ? undefined : word.slice(equals + 1);
  if (given !== undefined) return { name: found.name, value: checked(found, given) };
  if (found.flag.kind === 'switch') return { name: found.name, value: 'true' };
  const next = rest.shift();
  if (next === undefined) throw new UsageError(`flag needs an argument: ${name}`);
  return { name: found.name, value: checked(found, next) };
}

function shortFlags(word: string, rest: string[], flags: Flags) {
  const found: { name: string; value: string }[] = [];
  let letters = word.slice(1);
  while (letters !== '') {
    const letter = letters.slice(0, 1);
    const flag = findShort(letter, flags);
    if (!flag) throw new UsageError(`unknown shorthand flag: '${letter}' in ${word}`);
    letters = letters.slice(1);
    if (flag.flag.kind === 'switch' && !letters.startsWith('=')) {
      found.push({ name: flag.name, value: 'true' });
      continue;
    }
    const attached = letters.startsWith('=') ? letters.slice(1) : letters;
    const value = letters === '' ? rest.shift() : attached;
    if (value === undefined) throw new UsageError(`flag needs an argument: '${letter}' in ${word}`);
    found.push({ name: flag.name, value: checked(flag, value) });
    break;
  }
  return found;
}

function findLong(word: string, flags: Flags): Found | undefined {
  const bare = word.replace(/^--?/, '');
  for (const [name, flag] of Object.entries(flags)) {
    if ((name === bare && name.length > 1) || flag.aliases?.includes(bare) || flag.aliases?.includes(word)) {
      return { name, flag, label: labelOf(name, flag) };
    }
  }
  return undefined;
}

function longNames(flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, flag]) =>
    flag.hidden || name.length === 1 ? [] : [`--${name}`],
  );
}

function findShort(letter: string, flags: Flags): Found | undefined {
  for (const [name, flag] of Object.entries(flags)) {
    if (flag.short === letter || name === letter) return { name, flag, label: labelOf(name, flag) };
  }
  return undefined;
}

function labelOf(name: string, flag: Flag): string {
  if (name.length === 1) return `-${name}`;
  return flag.short ? `-${flag.short}, --${name}` : `--${name}`;
}

function checked({ flag, label }: Found, value: string): string {
  if (flag.kind === 'switch') return String(parseBool(value) ?? invalid(value, label, 'ParseBool'));
  if (flag.kind === 'number' && !/^[+-]?\d{1,15}$/.test(value)) return invalid(value, label, 'ParseInt');
  return value;
}

function invalid(value: string, label: string, parser: string): never {
  throw new UsageError(
    `invalid argument "${value}" for "${label}" flag: strconv.${parser}: parsing "${value}": invalid syntax`,
  );
}
