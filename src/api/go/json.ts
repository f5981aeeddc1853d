import * as z from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import { hasControl, visible } from '../../lib/plain-text.ts';
import { DecodeError } from './decode-error.ts';

const line = z.string({ error: 'string' }).superRefine((value, context) => refuseControls([value], context));

function refuseControls(texts: readonly string[], context: z.RefinementCtx): void {
  const text = texts.find(hasControl);
  if (text !== undefined) context.addIssue(`"${visible(text)}" holds a control character`);
}

/**
 * Request bodies are read as Go reads them, since that is what clients were written against: member names
 * match without case, unknown members are ignored, and an absent or null member is its type's zero value.
 * Every schema's error text is the Go name of its type, which the Engine's messages end in.
 *
 * A text is one line, since nearly all of them go into one of a file, a rule or a table; those that a program is given
 * (its words, its environment) and the values of labels are free.
 */
export const go = {
  text: () => line.nullish().transform((value) => value ?? ''),
  flag: () =>
    z
      .boolean({ error: 'bool' })
      .nullish()
      .transform((value) => value ?? false),
  int: () =>
    z
      .int({ error: 'int' })
      .nullish()
      .transform((value) => value ?? 0),
  list: <T extends z.ZodType>(item: T, type = '[]string') =>
    z
      .array(item, { error: type })
      .nullish()
      .transform((value) => value ?? []),
  texts: () => go.list(line),
  freeTexts: () => go.list(z.string({ error: 'string' })),
  textMap: () => go.textMapOrNil().transform((map) => map ?? {}),
  /** A map that keeps nil and empty apart. */
  textMapOrNil: () =>
    mapOrNil().superRefine((map, context) => refuseControls(Object.values(map ?? {}), context)),
  /** Its values may be of several lines. */
  freeMap: () => mapOrNil().transform((map) => map ?? {}),
  map: <T extends z.ZodType>(item: T, type: string) =>
    z
      .record(z.string(), item, { error: type })
      .nullish()
      .superRefine((map, context) => refuseControls(Object.keys(map ?? {}), context))
      .transform((value) => value ?? {}),
  object: <T extends z.ZodRawShape>(type: string, shape: T) => {
    const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
    return z.preprocess((value) => canonical(value, names), z.object(shape, { error: type }));
  },
  /** An object that keeps nil and empty apart. */
  optionalObject: <T extends z.ZodRawShape>(type: string, shape: T) =>
    z.preprocess((value) => value ?? undefined, go.object(type, shape).optional()),
};

function mapOrNil() {
  return z
    .record(z.string(), z.string({ error: 'string' }).nullable(), { error: 'map[string]string' })
    .nullish()
    .superRefine((map, context) => refuseControls(Object.keys(map ?? {}), context))
    .transform((map) => (map ? withoutNulls(map) : undefined));
}

function withoutNulls(map: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, text]) => [name, text ?? '']));
}

function canonical(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [names.get(name.toLowerCase()) ?? name, member]),
  );
}

/**
 * A decoded JSON value as `schema` wants it.
 * @throws invalid, in the words of encoding/json: `json: cannot unmarshal number into Go struct field T.Name of type string`
 */
export function fitSchema<T extends z.ZodType>(schema: T, value: unknown, type: string): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = (issue?.path ?? []).map(String);
  const members = path.filter((part) => !/^\d+$/.test(part));
  if (issue?.code === 'custom')
    throw new FairleadError('invalid', `invalid ${members.join('.')}: ${issue.message}`);
  const got = goKind(valueAt(value, path));
  const expected = issue?.message ?? 'value';
  const target =
    members.length === 0
      ? `value of type ${type}`
      : `struct field ${afterDot(type)}.${members.join('.')} of type ${expected}`;
  throw new DecodeError(`json: cannot unmarshal ${got} into Go ${target}`);
}

function afterDot(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    const found = Object.entries(current).find(([name]) => name.toLowerCase() === part.toLowerCase());
    current = found?.[1];
  }
  return current;
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return typeof value;
}
