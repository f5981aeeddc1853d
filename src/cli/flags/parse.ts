import type { Argv, Options } from 'yargs';
import { type Flag, type Flags, type FlagValues, initialOf } from './spec.ts';
import { splitWords, type Words } from './words.ts';

export interface Parsed<F extends Flags> {
  readonly flags: FlagValues<F>;
  /** The names of the flags that were on the command line. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
}

/**
 * Parses the words after a command's name.
 * @throws UsageError with today's Docker texts
 */
export async function parseWords<F extends Flags>(
  argv: readonly string[],
  flags: F,
  interspersed = true,
): Promise<Parsed<F>> {
  const words = splitWords(argv, flags, interspersed);
  const values: Record<string, unknown> = initialValues(flags);
  // Loading yargs takes as long as Node's own start, so a line without flags goes without it.
  if (words.flags.length > 0) Object.assign(values, await typedValues(words, flags));
  return {
    flags: values as FlagValues<F>,
    given: new Set(words.flags.map((flag) => flag.name)),
    args: words.args,
  };
}

function initialValues(flags: Flags): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, initialOf(flag)]));
}

/** Only the flags that were given. */
async function typedValues(words: Words, flags: Flags): Promise<Record<string, unknown>> {
  const parser = await createParser();
  const given = words.flags.map(({ name, value }) => `--${name}=${guarded(value, flags[name])}`);
  const parsed: Readonly<Record<string, unknown>> = parser.options(yargsOptions(flags)).parseSync(given);
  const names = new Set(words.flags.map((flag) => flag.name));
  return Object.fromEntries([...names].map((name) => [name, finished(parsed[name], flags[name])]));
}

async function createParser(): Promise<Argv> {
  const { default: yargs } = await import('yargs');
  return yargs()
    .help(false)
    .version(false)
    .exitProcess(false)
    .strictOptions()
    .parserConfiguration({
      'dot-notation': false,
      'camel-case-expansion': false,
      'boolean-negation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
    })
    .fail((message, error) => {
      throw error ?? new Error(message);
    });
}

/** yargs takes quotes off a value and drops empty ones from lists; behind a mark it leaves them alone. */
const mark = ':';

function guarded(value: string, flag: Flag | undefined): string {
  return flag?.kind === 'text' || flag?.kind === 'list' ? mark + value : value;
}

const yargsTypes = { switch: 'boolean', text: 'string', number: 'number', list: 'string' } as const;

function yargsOptions(flags: Flags): Record<string, Options> {
  const entries = Object.entries(flags).map(([name, flag]): [string, Options] => [
    name,
    { type: yargsTypes[flag.kind], array: flag.kind === 'list' },
  ]);
  return Object.fromEntries(entries);
}

/** A flag given twice: the last one counts, as in Go; lists keep all, `strings` are split at commas. */
function finished(value: unknown, flag: Flag | undefined): unknown {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const last = values.at(-1);
  if (flag?.kind === 'text') return String(last).slice(mark.length);
  if (flag?.kind !== 'list') return last;
  const texts = values.map((one) => String(one).slice(mark.length));
  return flag.commas ? texts.flatMap((text) => text.split(',')) : texts;
}
