import type { Client } from './client/client.ts';
import type { Context } from './command.ts';
import { type Failure, isUsageError } from './failure.ts';

/** Only these may end in a second line; what finds the word is loaded for them alone. */
const namesNothing = /not found|No such |does not exist/;

/**
 * Writes the line of a failure; and a second one where a word in it is close to one that exists. The first line is
 * Docker's text wherever Docker has one.
 */
export async function complain(error: Failure, { shell, client, path }: Context): Promise<void> {
  const isUsage = isUsageError(error);
  const line = isUsage ? `${shell.program}: ${error.message}. See '${path} --help'.` : error.message;
  const hint = await hintFor(error, client);
  shell.stderr.write(`${line}\n${hint === '' ? '' : `${hint}\n`}`);
}

/** `Did you mean "…"?`, or nothing. */
export async function hintFor(error: Failure, client: Client): Promise<string> {
  if (!error.unknown && !namesNothing.test(error.message)) return '';
  const { meantBy } = await import('./meant.ts');
  return await meantBy(error, client);
}
