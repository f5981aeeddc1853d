import { escapeHtml, escapeJs, escapeUrl } from './escapes.ts';
import { sprint, sprintf, sprintln } from './printf.ts';
import { isList, isMap, isTextMap, printed, Struct, toJson, truth, typeName, type Value } from './values.ts';

type TemplateFunction = (...args: readonly Value[]) => Value;

/** A function of the template language, with the number of arguments it takes. */
export interface FunctionSpec {
  readonly least: number;
  readonly most: number;
  readonly call: TemplateFunction;
}

const many = Number.POSITIVE_INFINITY;
const fn = (least: number, most: number, call: TemplateFunction): FunctionSpec => ({ least, most, call });
const onText = (change: (text: string) => Value) => fn(1, 1, (value) => change(textOf(value)));

/** `and` and `or` are not here: they do not evaluate every argument. */
const functions: Readonly<Record<string, FunctionSpec>> = {
  not: fn(1, 1, (value) => !truth(value)),
  len: fn(1, 1, lengthOf),
  index: fn(1, many, (value, ...keys) => keys.reduce(item, value)),
  slice: fn(1, 4, (value, from = 0, to) => sliced(value, from, to)),
  print: fn(0, many, (...args) => sprint(args)),
  println: fn(0, many, (...args) => sprintln(args)),
  printf: fn(1, many, (format, ...args) => sprintf(textOf(format), args)),
  html: fn(1, many, (...args) => escapeHtml(sprint(args))),
  js: fn(1, many, (...args) => escapeJs(sprint(args))),
  urlquery: fn(1, many, (...args) => escapeUrl(sprint(args))),
  eq: fn(2, many, (first, ...others) => others.some((other) => equal(first, other))),
  ne: fn(2, 2, (a, b) => !equal(a, b)),
  lt: fn(2, 2, (a, b) => less(a, b)),
  le: fn(2, 2, (a, b) => less(a, b) || equal(a, b)),
  gt: fn(2, 2, (a, b) => !less(a, b) && !equal(a, b)),
  ge: fn(2, 2, (a, b) => !less(a, b)),
  // Docker's own (cli/templates/templates.go).
  json: fn(1, 1, (value) => toJson(value)),
  split: fn(2, 2, (text, separator) => textOf(text).split(textOf(separator))),
  join: fn(2, 2, (values, separator) => listOf(values).map(printed).join(textOf(separator))),
  title: onText((text) =>
    text.replace(/(^|[\s!-/:-@[-^`{-~])(\p{L})/gu, (_all, before, letter) => before + letter.toUpperCase()),
  ),
  lower: onText((text) => text.toLowerCase()),
  upper: onText((text) => text.toUpperCase()),
  pad: fn(3, 3, (text, before, after) => {
    if (text === '') return text ?? '';
    return ' '.repeat(countOf(before)) + textOf(text) + ' '.repeat(countOf(after));
  }),
  truncate: fn(2, 2, (text, length) => bytesFrom(textOf(text), 0, countOf(length))),
};

export const functionNames: ReadonlySet<string> = new Set([...Object.keys(functions), 'and', 'or', 'call']);

export function functionNamed(name: string): FunctionSpec | undefined {
  return Object.hasOwn(functions, name) ? functions[name] : undefined;
}

/** An argument of the wrong type: the error names the argument, not the call. */
export class WrongType extends Error {
  constructor(
    expected: string,
    readonly value: Value,
  ) {
    super(`wrong type for value; expected ${expected}; got ${typeName(value)}`);
  }
}

function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  throw new WrongType('string', value);
}

function countOf(value: Value): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw new WrongType('int', value);
}

function listOf(value: Value): readonly Value[] {
  if (isList(value)) return value;
  if (value === null || value === undefined) return [];
  throw new WrongType('[]string', value);
}

/** Go counts the bytes of a text. */
function lengthOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (isList(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  if (value === null || value === undefined) throw new Error('len of nil pointer');
  throw new Error(`len of type ${typeName(value)}`);
}

function item(value: Value, key: Value): Value {
  if (value === null || value === undefined) throw new Error('index of untyped nil');
  if (isMap(value)) {
    if (Object.hasOwn(value, textOf(key))) return value[textOf(key)];
    // Labels and options are maps of texts to Go, whose zero value is empty.
    return isTextMap(value) ? '' : undefined;
  }
  if (!isList(value) && typeof value !== 'string')
    throw new Error(`can't index item of type ${typeName(value)}`);
  if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${typeName(key)}`);
  const items = typeof value === 'string' ? [...Buffer.from(value)] : value;
  if (key < 0 || key >= items.length) throw new Error(`index out of range: ${key}`);
  return items[key];
}

function sliced(value: Value, from: Value, to: Value): Value {
  if (!isList(value) && typeof value !== 'string')
    throw new Error(`can't slice item of type ${typeName(value)}`);
  const end = to === undefined ? lengthOf(value) : countOf(to);
  if (end > lengthOf(value)) throw new Error(`index out of range: ${end}`);
  if (countOf(from) > end) throw new Error(`invalid slice index: ${from} > ${end}`);
  return isList(value) ? value.slice(countOf(from), end) : bytesFrom(value, countOf(from), end);
}

/** Go cuts a text between bytes. */
function bytesFrom(text: string, from: number, to: number): string {
  return Buffer.from(text).subarray(from, to).toString();
}

function equal(a: Value, b: Value): boolean {
  if (!comparable(a) || !comparable(b)) throw new Error('non-comparable types');
  const nil = a === null || a === undefined || b === null || b === undefined;
  // Equal numbers are either both bigints or both numbers.
  if (!nil && typeof a !== typeof b && !(isNumber(a) && isNumber(b)))
    throw new Error('incompatible types for comparison');
  return nil ? (a ?? null) === (b ?? null) : a === b;
}

function comparable(value: Value): boolean {
  return !isList(value) && !isMap(value) && !(value instanceof Struct);
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function less(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) return a < b;
  if (typeof a === 'string' && typeof b === 'string') return a < b;
  throw new Error(
    typeof a === typeof b ? 'invalid type for comparison' : 'incompatible types for comparison',
  );
}
