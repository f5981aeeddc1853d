import * as z from 'zod/mini';
import type { Value } from '../template/values.ts';

/** Any JSON, as `inspect` prints it and templates read it. */
export const anyJson: z.ZodMiniType<Value> = z.json();

/** The same with integers of 64 bits (src/cli/template/exact-json.ts). */
export const exactJson: z.ZodMiniType<Value> = z.lazy(() =>
  z.union([
    z.null(),
    z.boolean(),
    z.number(),
    z.bigint(),
    z.string(),
    z.array(exactJson),
    z.record(z.string(), exactJson),
  ]),
);

/** `{"Id":…}`, what creating answers with; networks have one warning, empty where there is none. */
export const created = z.object({
  Id: z.string(),
  Warnings: z.nullish(z.array(z.string())),
  Warning: z.nullish(z.string()),
});

/** Calls whose answer does not matter. */
export const anything = z.unknown();
