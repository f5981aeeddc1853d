import { Failure } from '../../../../failure.ts';
import { type FlagValues, number, text, toggle } from '../../../../flags/spec.ts';
import { nanosecondsOf } from '../../../../flags/time.ts';

/** A health check: shared by `run` and `create`. */
export const healthFlags = {
  'health-cmd': text('Command to run to check health'),
  'health-interval': text('Time between running the check (ms|s|m|h) (default 0s)'),
  'health-retries': number('Consecutive failures needed to report unhealthy', { initial: 0 }),
  'health-start-interval': text(
    'Time between running the check during the start period (ms|s|m|h) (default 0s)',
  ),
  'health-start-period': text(
    'Start period for the container to initialize before starting health-retries countdown (ms|s|m|h) (default 0s)',
  ),
  'health-timeout': text('Maximum time to allow one check to run (ms|s|m|h) (default 0s)'),
  'no-healthcheck': toggle('Disable any container-specified HEALTHCHECK'),
};

const durations = {
  Interval: 'health-interval',
  Timeout: 'health-timeout',
  StartPeriod: 'health-start-period',
  StartInterval: 'health-start-interval',
} as const;

/** `Healthcheck` of a create body, as the docker CLI sends it. @throws UsageError | Failure, in its words */
export function healthBody(flags: FlagValues<typeof healthFlags>): Record<string, unknown> {
  const times = Object.entries(durations).map(([member, flag]) => {
    const nanoseconds = nanosecondsOf(flag, flags[flag]);
    if (nanoseconds < 0) throw new Failure(`--${flag} cannot be negative`, 125);
    return [member, nanoseconds] as const;
  });
  const Retries = flags['health-retries'];
  if (Retries < 0) throw new Failure('--health-retries cannot be negative', 125);
  const command = flags['health-cmd'];
  const isAsked = command !== '' || Retries !== 0 || times.some(([, value]) => value !== 0);
  if (flags['no-healthcheck']) {
    if (isAsked) throw new Failure('--no-healthcheck conflicts with --health-* options', 125);
    return { Healthcheck: { Test: ['NONE'] } };
  }
  if (!isAsked) return {};
  const Test = ['CMD-SHELL', command];
  // What is not set is left out, as Go does.
  const set = [...times, ['Retries', Retries] as const].filter(([, value]) => value !== 0);
  return { Healthcheck: { ...(command === '' ? {} : { Test }), ...Object.fromEntries(set) } };
}
