import type { Dialect } from './error-map.ts';
import { isBefore, splitVersion } from './version.ts';

export interface ErrorBody {
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Errors are JSON from API 1.24 on, and plain text before and in the API of 2015; both end in a newline, as Go writes them. */
export function errorBody(url: string, message: string, dialect: Dialect): ErrorBody {
  const { version } = splitVersion(url);
  const asText = dialect === 'experimental' || (version !== undefined && isBefore(version, '1.24'));
  if (!asText)
    return { headers: { 'content-type': 'application/json' }, text: `${JSON.stringify({ message })}\n` };
  return {
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    text: `${message}\n`,
  };
}
