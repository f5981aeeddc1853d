import { FairleadError } from '../../../../lib/errors.ts';
import { go } from '../../../go/json.ts';

export const logConfig = go.object('container.LogConfig', { Type: go.text(), Config: go.textMap() });

/** The Engine's drivers. Output is kept in our own way whichever is named, and a warning says so; what is none is refused. */
const drivers = new Set([
  ...['none', 'json-file', 'local', 'awslogs', 'fluentd', 'gcplogs', 'gelf', 'journald', 'splunk', 'syslog'],
  // Deprecated, and still in older clients' files.
  ...['etwlogs', 'logentries'],
]);

const fileOptions = new Set([
  ...['max-file', 'max-size', 'compress', 'labels', 'labels-regex', 'env', 'env-regex', 'tag'],
  ...['mode', 'max-buffer-size', 'cache-disabled', 'cache-max-size', 'cache-max-file', 'cache-compress'],
]);

/** @throws invalid, in the Engine's words */
export function requireLogDriver({
  Type,
  Config,
}: {
  Type: string;
  Config: Readonly<Record<string, string>>;
}): void {
  if (Type !== '' && !drivers.has(Type)) {
    throw new FairleadError('invalid', `error looking up logging plugin ${Type}: plugin "${Type}" not found`);
  }
  const driver = Type || 'json-file';
  if (driver !== 'json-file' && driver !== 'local') return;
  const unknown = Object.keys(Config).find((option) => !fileOptions.has(option));
  if (unknown === undefined) return;
  throw new FairleadError('invalid', `unknown log opt '${unknown}' for ${driver} log driver`);
}
