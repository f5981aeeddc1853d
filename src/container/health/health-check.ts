import type { Health, HealthCheck } from '../container.ts';

/**
 * Health checks as the Engine's (moby 28.5, daemon/health.go): what a result means, and when the next one is due. Pure.
 * monitors.ts has the timers; a runtime runs the command (`OwnRuntime.check`).
 */
export interface CheckResult {
  /** -1: it did not end in time, or could not be run. */
  readonly exitCode: number;
  readonly output: string;
}

export interface LoggedCheck extends CheckResult {
  /** Unix time in milliseconds. */
  readonly start: number;
  readonly end: number;
}

export interface HealthReport {
  readonly failingStreak: number;
  /** The newest last. */
  readonly log: readonly LoggedCheck[];
}

export const noReport: HealthReport = { failingStreak: 0, log: [] };

const mostLogged = 5;

/** `ranFor`: milliseconds from the container's start to the check's. */
export function afterCheck(
  { retries, startPeriodMs }: HealthCheck,
  before: { readonly health: Health; readonly report: HealthReport },
  result: LoggedCheck,
  ranFor: number,
): { readonly health: Health; readonly report: HealthReport } {
  const log = [...before.report.log, result].slice(-mostLogged);
  if (result.exitCode === 0) return { health: 'healthy', report: { failingStreak: 0, log } };
  // One that has never succeeded may fail while it starts.
  const isSpared = before.health === 'starting' && ranFor < startPeriodMs;
  const failingStreak = before.report.failingStreak + (isSpared ? 0 : 1);
  const isLast = !isSpared && failingStreak >= retries;
  return { health: isLast ? 'unhealthy' : before.health, report: { failingStreak, log } };
}

/** Milliseconds from the end of a check, or from the start, to the next one. */
export function pauseBefore(check: HealthCheck, health: Health, ranFor: number): number {
  const isStarting = ranFor < check.startPeriodMs && health === 'starting';
  return isStarting ? check.startIntervalMs : check.intervalMs;
}

/** As Go prints a duration: `1m30s`, `500ms`. */
export function timeoutMessage(timeoutMs: number, output: string): string {
  return `Health check exceeded timeout (${goDuration(timeoutMs)})${output === '' ? '' : `: ${output}`}`;
}

function goDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const [hours, minutes] = [Math.floor(milliseconds / 3_600_000), Math.floor(milliseconds / 60_000) % 60];
  const seconds = `${Number(((milliseconds % 60_000) / 1000).toFixed(3))}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
