import { UsageError } from '../failure.ts';

const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/**
 * Unix time in seconds from Unix seconds, an RFC 3339 time (parts may be missing) or a time ago such as `1h30m`.
 * @throws UsageError
 */
export function parseTime(flag: string, text: string, now = Date.now()): string {
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text) {
    const ago = parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (units[unit] ?? 1), 0);
    return (now / 1000 - ago).toFixed(3);
  }
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new UsageError(
      `invalid argument "${text}" for "--${flag}" flag: expected a time such as 2013-01-02T13:23:37Z or 42m`,
    );
  }
  return (time / 1000).toFixed(3);
}
