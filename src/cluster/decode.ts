import * as z from 'zod';
import type { Entry } from '../../kvstore/store.ts';
import { FairleadError } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { hasControl, visible } from '../lib/plain-text.ts';

type Decoded<T> =
  | { readonly ok: true; readonly record: T }
  | { readonly ok: false; readonly problem: string };

/** What was written by another program, or by hand, is not trusted to be a record. */
export function decode<T>(schema: z.ZodType<T>, { value }: Pick<Entry, 'value'>): Decoded<T> {
  const decoded = schema.safeParse(parseJson(value));
  const strange = decoded.success && mayHoldControl.test(value) ? controlIn(decoded.data, '') : undefined;
  if (strange !== undefined) return { ok: false, problem: `${strange}: it holds a control character` };
  if (decoded.success) return { ok: true, record: decoded.data };
  const [issue] = decoded.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  return { ok: false, problem: `${where}${issue?.message ?? 'invalid'}` };
}

/** JSON writes C0 as an escape, the others as they are; most records have none of these, and are not gone through. */
const mayHoldControl = /\\[bfnrtu]|[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
/** What may be of several lines: nothing is made of it but what a program or a person asked for. */
const free = new Set(['labels', 'env', 'command']);

/** Where the record has one, which would be written into rules, files and terminals. */
function controlIn(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return hasControl(value) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    const found = hasControl(name) ? visible(at) : free.has(name) ? undefined : controlIn(member, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Undefined for one that does not decode, where the others must go on. */
export function decodeOrSkip<T>(schema: z.ZodType<T>, entry: Pick<Entry, 'value'>): T | undefined {
  const decoded = decode(schema, entry);
  return decoded.ok ? decoded.record : undefined;
}

/** For records that nothing can be decided without. @throws internal, naming the key */
export function decodeOrThrow<T>(schema: z.ZodType<T>, entry: Entry): T {
  const decoded = decode(schema, entry);
  if (decoded.ok) return decoded.record;
  throw new FairleadError(
    'internal',
    `the record ${entry.key} in the kv store is not valid (${decoded.problem})`,
  );
}

/** An id that stands alone as a value. */
export const idSchema = z.string();
