import type { Container, HealthCheck } from '../../../../container/container.ts';
import type { HealthReport } from '../../../../container/health/health-check.ts';
import { FairleadError } from '../../../../lib/errors.ts';
import { timestamp } from '../../../../lib/time.ts';
import { go } from '../../../go/json.ts';

/** Times are nanoseconds; 0: the default. */
export const healthConfig = go.object('container.HealthConfig', {
  Test: go.texts(),
  Interval: go.int(),
  Timeout: go.int(),
  StartPeriod: go.int(),
  StartInterval: go.int(),
  Retries: go.int(),
});

interface HealthConfig {
  readonly Test: readonly string[];
  readonly Interval: number;
  readonly Timeout: number;
  readonly StartPeriod: number;
  readonly StartInterval: number;
  readonly Retries: number;
}

export interface ParsedHealthcheck {
  readonly healthcheck?: HealthCheck;
  readonly warnings: readonly string[];
}

/** The Engine's defaults (daemon/health.go), in milliseconds. */
const defaults = {
  interval: 30_000,
  timeout: 30_000,
  startPeriod: 0,
  startInterval: 5_000,
  retries: 3,
} as const;
const millisecond = 1_000_000;

/** @throws invalid, in the Engine's words (daemon/container.go) */
export function parseHealthcheck(config: HealthConfig): ParsedHealthcheck {
  requireDurations(config);
  const [kind, ...words] = config.Test;
  if (kind === undefined || kind === 'NONE') return { warnings: [] };
  if (kind !== 'CMD' && kind !== 'CMD-SHELL')
    return { warnings: [`Unknown healthcheck type '${kind}' (expected 'CMD'): health is not checked.`] };
  if (words.length === 0) throw new FairleadError('invalid', `Healthcheck: ${kind} needs a command`);
  const healthcheck: HealthCheck = {
    command: kind === 'CMD' ? words : ['/bin/sh', '-c', ...words],
    intervalMs: config.Interval / millisecond || defaults.interval,
    timeoutMs: config.Timeout / millisecond || defaults.timeout,
    startPeriodMs: config.StartPeriod / millisecond || defaults.startPeriod,
    startIntervalMs: config.StartInterval / millisecond || defaults.startInterval,
    retries: config.Retries || defaults.retries,
  };
  return { healthcheck, warnings: [] };
}

function requireDurations(config: HealthConfig): void {
  for (const member of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    if (config[member] === 0 || config[member] >= millisecond) continue;
    throw new FairleadError('invalid', `${member} in Healthcheck cannot be less than 1ms`);
  }
  if (config.Retries < 0) throw new FairleadError('invalid', 'Retries in Healthcheck cannot be negative');
}

/** `State.Health` of an inspect; absent without a health check. */
export function healthShape({ health, spec }: Container, report: HealthReport): Record<string, unknown> {
  if (!health) return {};
  // What is set by hand has no checks to count.
  const streak = spec.healthcheck ? report.failingStreak : health === 'unhealthy' ? 1 : 0;
  const Log = report.log.map(({ start, end, exitCode, output }) => ({
    Start: timestamp(start),
    End: timestamp(end),
    ExitCode: exitCode,
    Output: output,
  }));
  return { Health: { Status: health, FailingStreak: streak, Log } };
}
