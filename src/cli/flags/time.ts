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

const nanoseconds: Readonly<Record<string, number>> = {
  ...{ ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 },
};

/** Go's durations: `1m30s`, `500ms`, `0`; nothing: 0. @throws UsageError, in Go's words */
export function nanosecondsOf(flag: string, text: string): number {
  if (text === '' || text === '0') return 0;
  const [, sign = '', rest = ''] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  const parts = [...rest.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== rest) {
    const why = /^[-+]?[\d.]+$/.test(text) ? 'missing unit in duration' : 'invalid duration';
    throw new UsageError(`invalid argument "${text}" for "--${flag}" flag: time: ${why} "${text}"`);
  }
  const sum = parts.reduce((all, [, count, unit = 's']) => all + Number(count) * (nanoseconds[unit] ?? 0), 0);
  return Math.round(sign === '-' ? -sum : sum);
}
