import vm from 'node:vm';
import * as z from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import { decodeJson } from '../http/body.ts';

/** Filter key → its values; clients send both `{"k":["v"]}` and `{"k":{"v":true}}` (docker-facts 5.2). */
export type Filters = ReadonlyMap<string, readonly string[]>;

const list = z.record(z.string(), z.array(z.string()));
const map = z.record(z.string(), z.record(z.string(), z.boolean()));

/** How long a client's regular expressions may keep the daemon busy. */
const matchMs = 100;

/** @throws invalid, in the Engine's words (docker-facts 5.3 #74) */
export function parseFilters(query: URLSearchParams): Filters {
  const text = query.get('filters') ?? '';
  if (text === '') return new Map();
  const value = decodeFilters(text) ?? {};
  const asMap = map.safeParse(value);
  if (asMap.success) {
    return new Map(Object.entries(asMap.data).map(([key, values]) => [key, Object.keys(values)]));
  }
  const asList = list.safeParse(value);
  if (asList.success) return new Map(Object.entries(asList.data));
  throw new FairleadError('invalid', 'invalid filter');
}

function decodeFilters(text: string): unknown {
  try {
    return decodeJson(text, 'invalid filter');
  } catch (error) {
    throw new FairleadError('invalid', 'invalid filter', { cause: error });
  }
}

/** @throws invalid for a key that is not among `known` */
export function requireKnown(filters: Filters, known: readonly string[]): void {
  for (const key of filters.keys()) {
    if (!known.includes(key)) throw new FairleadError('invalid', `invalid filter '${key}'`);
  }
}

/** @throws invalid unless there is at most one, and it is a boolean (docker-facts 5.3 #73) */
export function booleanFilter(filters: Filters, key: string): boolean | undefined {
  const values = filters.get(key) ?? [];
  if (values.length > 1)
    throw new FairleadError('invalid', `got more than one value for filter key "${key}"`);
  const [value] = values;
  if (value === undefined) return undefined;
  if (['1', 'true'].includes(value)) return true;
  if (['0', 'false'].includes(value)) return false;
  throw new FairleadError(
    'invalid',
    `invalid value for filter '${key}', must be "true" (or "1"), or "false" (or "0")`,
  );
}

/** One of the values is the text; no values: yes. */
export function matchesExactly(filters: Filters, key: string, text: string): boolean {
  const values = filters.get(key);
  return values === undefined || values.length === 0 || values.includes(text);
}

/** Every `k` or `k=v` holds. */
export function matchesLabels(
  filters: Filters,
  labels: Readonly<Record<string, string>>,
  key = 'label',
): boolean {
  return (filters.get(key) ?? []).every((wanted) => hasLabel(labels, wanted));
}

/** None of the `label!` values holds. */
export function lacksLabels(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  return (filters.get('label!') ?? []).every((unwanted) => !hasLabel(labels, unwanted));
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, wanted);
  const name = wanted.slice(0, equals);
  return Object.hasOwn(labels, name) && labels[name] === wanted.slice(equals + 1);
}

/**
 * Which texts one of the values fits, as a regular expression or a part; no values: all of them. A pattern
 * is a client's: it runs under a deadline, since JavaScript's expressions can take exponential time.
 * @throws invalid when the deadline passes
 */
export function matcher(filters: Filters, key: string, texts: readonly string[]): (text: string) => boolean {
  const values = filters.get(key) ?? [];
  if (values.length === 0) return () => true;
  const plain = values.filter((value) => /^[\w:/-]*$/.test(value));
  const patterns = values.filter((value) => !plain.includes(value));
  const fitting = new Set(patterns.length === 0 ? [] : runPatterns(key, patterns, texts));
  return (text) => fitting.has(text) || plain.some((part) => text.includes(part));
}

const script = new vm.Script(`
  patterns = patterns.flatMap((text) => {
    try { return new RegExp(text.replace(/^\\(\\?i\\)/, ''), text.startsWith('(?i)') ? 'i' : ''); } catch { return []; }
  });
  texts.filter((text) => patterns.some((pattern) => pattern.test(text)));
`);

function runPatterns(key: string, patterns: readonly string[], texts: readonly string[]): readonly string[] {
  try {
    const sandbox = vm.createContext({ patterns: [...patterns], texts: [...texts] });
    return z.array(z.string()).parse(script.runInContext(sandbox, { timeout: matchMs }));
  } catch (error) {
    throw new FairleadError('invalid', `filter ${key}: the regular expression takes too long`, {
      cause: error,
    });
  }
}

/**
 * The `until` filter of the prune calls as Unix milliseconds: a time, Unix seconds, or how long ago in Go's
 * notation (`1h30m`). @throws invalid (docker-facts 5.3 #75)
 */
export function untilFilter(filters: Filters, now: number): number | undefined {
  const values = filters.get('until') ?? [];
  if (values.length > 1) throw new FairleadError('invalid', 'more than one until filter specified');
  const [value] = values;
  if (value === undefined) return undefined;
  const ago = durationMs(value);
  if (ago !== undefined) return now - ago;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const date = /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(date)) return date;
  throw new FairleadError('invalid', `failed to parse value as time or duration: "${value}"`);
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function durationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * (units[unit ?? 's'] ?? 0);
  }
  return total;
}
