import { FairleadError, messageOf } from '../lib/errors.ts';
import { parseName } from '../lib/names.ts';

/** Dokku's rule, and what DNS needs beyond it. @throws invalid, in Dokku's words */
export function parseAppName(name: string): string {
  if (name === '') throw new FairleadError('invalid', 'Please specify an app to run the command on');
  if (!/^[a-z0-9][^/:_A-Z]*$/.test(name)) {
    throw new FairleadError(
      'invalid',
      'App name must begin with lowercase alphanumeric character, and cannot include uppercase characters, colons, or underscores',
    );
  }
  try {
    return parseName('alias', name);
  } catch (error) {
    throw new FairleadError('invalid', `App name cannot be used in DNS: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The process type of one-off containers. */
export const runType = 'run';

/** One label, since it is one in `APP.PROC_TYPE`. @throws invalid */
export function parseProcessType(type: string): string {
  if (type === runType)
    throw new FairleadError('invalid', `Process type ${runType} is kept for one-off containers`);
  if (/^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/.test(type)) return type;
  throw new FairleadError(
    'invalid',
    `Invalid process type specified, use letters, digits, "-" and "_": ${type}`,
  );
}

export function isAppName(name: string): boolean {
  try {
    return parseAppName(name) === name;
  } catch {
    return false;
  }
}
