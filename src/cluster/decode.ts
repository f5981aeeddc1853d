import * as z from 'zod';
import type { Entry } from '../../kvstore/store.ts';
import { FairleadError } from '../lib/errors.ts';

type Decoded<T> =
  | { readonly ok: true; readonly record: T }
  | { readonly ok: false; readonly problem: string };

/** What was written by another program, or by hand, is not trusted to be a record. */
export function decode<T>(schema: z.ZodType<T>, { value }: Pick<Entry, 'value'>): Decoded<T> {
  const decoded = schema.safeParse(parseJson(value));
  if (decoded.success) return { ok: true, record: decoded.data };
  const [issue] = decoded.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  return { ok: false, problem: `${where}${issue?.message ?? 'invalid'}` };
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
