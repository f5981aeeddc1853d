import { messageOf } from '../../lib/errors.ts';
import type { Context } from '../command.ts';
import { complain } from '../complain.ts';
import { Failure } from '../failure.ts';
import { compile, type Template } from '../template/evaluate.ts';
import { toJson, type Value } from '../template/values.ts';

/**
 * `inspect` of several objects: an array of those found, or a template per object; then the errors.
 * A template that does not parse ends with exit 64, before any call (docker-facts 6.2).
 * @returns the exit code
 */
export async function inspectAll(
  refs: readonly string[],
  format: string,
  inspect: (ref: string) => Promise<Value>,
  context: Context,
): Promise<number> {
  const template = format === '' || format === 'json' ? undefined : parsed(format);
  const found: Value[] = [];
  const errors: Failure[] = [];
  for (const ref of refs) {
    try {
      found.push(await inspect(ref));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      errors.push(error);
    }
  }
  context.shell.stdout.write(Buffer.from(written(found, format, template)));
  for (const error of errors) await complain(error, context);
  return errors.length > 0 ? 1 : 0;
}

function written(found: readonly Value[], format: string, template: Template | undefined): string {
  if (format === 'json') return `${toJson(found)}\n`;
  if (!template) return `${toJson(found, '    ')}\n`;
  return found.map((value) => `${rendered(template, value)}\n`).join('');
}

function parsed(format: string): Template {
  try {
    return compile(format);
  } catch (error) {
    throw new Failure(`template parsing error: ${messageOf(error)}`, 64);
  }
}

function rendered(template: Template, value: Value): string {
  try {
    return template.render(value);
  } catch (error) {
    throw new Failure(`template parsing error: ${messageOf(error)}`);
  }
}
