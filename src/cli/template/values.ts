import { visibleLines } from '../../lib/plain-text.ts';
import { stringifyExactly } from './exact-json.ts';

/** What templates work on: JSON, and structs whose fields a formatter names. */
export type Value = undefined | null | boolean | number | bigint | string | ValueList | Struct | ValueMap;
export type ValueList = readonly Value[];
export interface ValueMap {
  readonly [key: string]: Value;
}

export type Methods = Readonly<Record<string, (...args: readonly Value[]) => Value>>;

/** A Go struct: a wrong field name is an error that names its type; fields may be methods with arguments. */
export class Struct {
  constructor(
    /** `*network.networkContext` */
    readonly typeName: string,
    readonly fields: Readonly<Record<string, Value>>,
    readonly methods: Methods = {},
    /** Its JSON, where that is not its fields; its text, where Go's type has one (`time.Time`). */
    readonly shown: { readonly json?: Value; readonly text?: string } = {},
  ) {}
}

export function isList(value: Value): value is ValueList {
  return Array.isArray(value);
}

export function isMap(value: Value): value is ValueMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Struct);
}

/** What Go decodes into map[string]string: labels, options. */
export function isTextMap(map: ValueMap): boolean {
  return Object.values(map).every((value) => typeof value === 'string');
}

/** False, 0, nil and empty text, lists and maps are false, as in text/template. */
export function truth(value: Value): boolean {
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** Go's `%v`. */
export function printed(value: Value): string {
  if (value === undefined || value === null) return '<no value>';
  return printedInside(value);
}

function printedInside(value: Value): string {
  if (value === undefined || value === null) return '<nil>';
  if (isList(value)) return `[${value.map(printedInside).join(' ')}]`;
  if (value instanceof Struct)
    return value.shown.text ?? `{${Object.values(value.fields).map(printedInside).join(' ')}}`;
  if (isMap(value))
    return `map[${sortedKeys(value)
      .map((key) => `${key}:${printedInside(value[key])}`)
      .join(' ')}]`;
  return typeof value === 'number' ? printedNumber(value) : String(value);
}

/** Go writes exponents with at least two digits. */
export function printedNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Go visits maps in the order of their keys. */
export function sortedKeys(map: ValueMap): readonly string[] {
  return Object.keys(map).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The name of a value's Go type, for error texts. */
export function typeName(value: Value): string {
  if (value === undefined || value === null) return '<nil>';
  if (isList(value)) return '[]interface {}';
  if (value instanceof Struct) return value.typeName;
  if (isMap(value)) return 'map[string]interface {}';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'bigint') return 'int64';
  return Number.isInteger(value) ? 'int' : 'float64';
}

/**
 * `encoding/json` without HTML escaping, members in their order; DEL and C1, which JSON may hold, as escapes too.
 * The rows of a list are maps to Docker's formatter: sorted, and with HTML escaping.
 */
export function toJson(value: Value, indent = ''): string {
  const text = visibleLines(stringifyExactly(plain(value) ?? null, indent));
  const isRow = value instanceof Struct && value.shown.json === undefined;
  return isRow ? text.replace(/[<>&]/g, (at) => `\\u00${at.charCodeAt(0).toString(16)}`) : text;
}

function plain(value: Value): unknown {
  if (value instanceof Struct) {
    if (value.shown.json !== undefined) return plain(value.shown.json);
    return Object.fromEntries(sortedKeys(value.fields).map((key) => [key, plain(value.fields[key])]));
  }
  if (isList(value)) return value.map(plain);
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return value;
}
