import { messageOf } from '../../lib/errors.ts';
import type { Context } from '../command.ts';
import { complain } from '../complain.ts';
import { Failure } from '../failure.ts';
import { compile, type Template } from '../template/evaluate.ts';
import { toJson, type Value } from '../template/values.ts';

/**
 * `inspect` of several objects: an array of those found, or a template per object; then the errors.
 * A template that does not parse ends with exit 64, before any call (docker-facts 6.2).
 * `typed`: the value as Docker's CLI decodes it. Like that CLI, a template that fails on it is tried on the JSON itself.
 * @returns the exit code
 */
export async function inspectAll(
  refs: readonly string[],
  format: string,
  inspect: (ref: string) => Promise<Value>,
  context: Context,
  typed: (value: Value) => Value = (value) => value,
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
  const write = (text: string) => context.shell.stdout.write(Buffer.from(text));
  if (template) for (const value of found) write(`${rendered(template, value, typed, write)}\n`);
  else write(`${format === 'json' ? toJson(found) : toJson(found, '    ')}\n`);
  for (const error of errors) await complain(error, context);
  return errors.length > 0 ? 1 : 0;
}

function parsed(format: string): Template {
  try {
    return compile(format);
  } catch (error) {
    throw new Failure(`template parsing error: ${messageOf(error)}`, 64);
  }
}

function rendered(
  template: Template,
  value: Value,
  typed: (value: Value) => Value,
  write: (text: string) => void,
): string {
  try {
    return template.render(typed(value));
  } catch {
    // The same template may fit the JSON.
  }
  try {
    return template.render(value);
  } catch (error) {
    write('\n');
    throw new Failure(`template parsing error: ${messageOf(error)}`);
  }
}
