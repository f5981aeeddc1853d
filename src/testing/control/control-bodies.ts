import * as z from 'zod';

/** What POST /fairlead/fake/… takes; docs/testing.md lists it. */

const code = z.number().int().min(0).max(255);
const duration = z.union([z.number(), z.string()]);
const output = { stdout: z.string().exactOptional(), stderr: z.string().exactOptional() };
const pattern = z.string().transform((text, context) => {
  try {
    return new RegExp(text);
  } catch {
    context.issues.push({ code: 'custom', message: 'expected a regular expression', input: text });
    return z.NEVER;
  }
});
const words = z.union([z.array(z.string()), z.string()]);
const health = z.enum(['starting', 'healthy', 'unhealthy']);

/** One, or several, which are given one after another. */
function oneOrMore<T extends z.ZodType>(answer: T) {
  return z.union([answer, z.array(answer).min(1)]);
}

export const execBody = z.strictObject({
  container: z.string().exactOptional(),
  command: words.exactOptional(),
  pattern: pattern.exactOptional(),
  answer: oneOrMore(
    z.strictObject({ ...output, exitCode: code.exactOptional(), takes: duration.exactOptional() }),
  ),
});

export const runBody = z.strictObject({
  image: z.string().exactOptional(),
  name: z.string().exactOptional(),
  command: words.exactOptional(),
  answer: oneOrMore(
    z.strictObject({
      ...output,
      exitCode: code.exactOptional(),
      exitAfter: duration.exactOptional(),
      health: health.exactOptional(),
    }),
  ),
});

export const logBody = z.strictObject({
  text: z.string(),
  stream: z.enum(['stdout', 'stderr']).default('stdout'),
});
export const exitBody = z.strictObject({ exitCode: code.default(0) });
export const healthBody = z.strictObject({ status: z.enum([...health.options, 'none']) });

export const faultBody = z.strictObject({
  on: z.string().exactOptional(),
  /** Instead of a failure. */
  delay: duration.exactOptional(),
  count: z.number().int().min(1).default(1),
  status: z.union([z.number().int().min(400).max(599), z.literal('reset')]).exactOptional(),
  message: z.string().exactOptional(),
});

export const storeBody = z.strictObject({
  away: z.boolean(),
  reason: z.string().exactOptional(),
  /** Absent: from all of them. */
  node: z.string().exactOptional(),
});

export const clockBody = z.strictObject({ advance: duration });
