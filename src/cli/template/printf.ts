import { quoted } from './escapes.ts';
import { isList, printed, printedNumber, toJson, typeName, type Value } from './values.ts';

/** Go's fmt.Sprintf for the verbs that templates use; wrong uses print what Go prints (`%!d(string=x)`). */
export function sprintf(format: string, args: readonly Value[]): string {
  let used = 0;
  const text = format.replace(
    /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([a-zA-Z%])?/g,
    (all: string, flags: string, width?: string, precision?: string, verb?: string) => {
      if (verb === undefined) return '%!(NOVERB)';
      if (verb === '%') return '%';
      if (used >= args.length) return `%!${verb}(MISSING)`;
      const value = args[used];
      used += 1;
      const digits = all.includes('.') ? Number(precision ?? 0) : undefined;
      return pad(formatted(verb, value, flags, digits), flags, Number(width ?? 0), isNumber(value));
    },
  );
  if (used === args.length) return text;
  const extra = args.slice(used).map((value) => `${typeName(value)}=${printed(value)}`);
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

const isNumber = (value: Value) => typeof value === 'number' || typeof value === 'bigint';

type Verb = (value: Value, flags: string, precision: number | undefined) => string | undefined;

const integer = (base: number, upper = false): Verb => {
  return (value, flags) => {
    if (typeof value !== 'bigint' && (typeof value !== 'number' || !Number.isInteger(value)))
      return undefined;
    const digits = (value < 0 ? -value : value).toString(base);
    return sign(value, flags) + (upper ? digits.toUpperCase() : digits);
  };
};

const float =
  (write: (value: number, precision: number | undefined) => string): Verb =>
  (value, flags, precision) =>
    typeof value === 'number' ? sign(value, flags) + write(Math.abs(value), precision) : undefined;

const hex =
  (upper: boolean): Verb =>
  (value, flags, precision) => {
    if (typeof value !== 'string') return integer(16, upper)(value, flags, precision);
    const digits = Buffer.from(value).toString('hex');
    return upper ? digits.toUpperCase() : digits;
  };

const verbs: Readonly<Record<string, Verb>> = {
  v: (value, flags) => (flags.includes('#') ? toJson(value) : printed(value)),
  T: (value) => typeName(value),
  t: (value) => (typeof value === 'boolean' ? String(value) : undefined),
  s: (value, _flags, precision) => stringVerb(value, precision),
  q: (value) => quoteVerb(value),
  d: integer(10),
  b: integer(2),
  o: integer(8),
  x: hex(false),
  X: hex(true),
  c: (value) => (typeof value === 'number' ? rune(value) : undefined),
  U: (value) =>
    typeof value === 'number' ? `U+${value.toString(16).toUpperCase().padStart(4, '0')}` : undefined,
  f: float((value, precision) => value.toFixed(precision ?? 6)),
  F: float((value, precision) => value.toFixed(precision ?? 6)),
  e: float((value, precision) => value.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2')),
  g: float((value, precision) =>
    printedNumber(precision === undefined ? value : Number(value.toPrecision(precision || 1))),
  ),
};

function formatted(verb: string, value: Value, flags: string, precision: number | undefined): string {
  const write = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  const text = write?.(value, flags, precision);
  if (text !== undefined) return text;
  if (value === null || value === undefined) return `%!${verb}(<nil>)`;
  return `%!${verb}(${typeName(value)}=${printed(value)})`;
}

function stringVerb(value: Value, precision: number | undefined): string | undefined {
  if (isList(value)) return `[${value.map((item) => formatted('s', item, '', precision)).join(' ')}]`;
  if (typeof value !== 'string') return undefined;
  return precision === undefined ? value : [...value].slice(0, precision).join('');
}

function quoteVerb(value: Value): string | undefined {
  if (isList(value)) return `[${value.map((item) => formatted('q', item, '', undefined)).join(' ')}]`;
  if (typeof value === 'number') return quoted(rune(value), "'");
  return typeof value === 'string' ? quoted(value) : undefined;
}

/** What is no code point prints as U+FFFD. */
function rune(code: number): string {
  return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}

function sign(value: number | bigint, flags: string): string {
  if (value < 0) return '-';
  if (flags.includes('+')) return '+';
  return flags.includes(' ') ? ' ' : '';
}

function pad(text: string, flags: string, width: number, isNumber: boolean): string {
  if (flags.includes('-')) return text.padEnd(width);
  if (!flags.includes('0') || !isNumber) return text.padStart(width);
  const [, mark = '', digits = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  return mark + digits.padStart(width - mark.length, '0');
}

/** `print`: spaces only between operands when neither is text. */
export function sprint(args: readonly Value[]): string {
  return args
    .map((value, index) => {
      const before = args[index - 1];
      const space = index > 0 && typeof value !== 'string' && typeof before !== 'string';
      return (space ? ' ' : '') + printedArgument(value);
    })
    .join('');
}

export function sprintln(args: readonly Value[]): string {
  return `${args.map(printedArgument).join(' ')}\n`;
}

function printedArgument(value: Value): string {
  return value === null || value === undefined ? '<nil>' : printed(value);
}
