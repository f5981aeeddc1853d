import type { Clock } from '../../lib/clock.ts';
import type { Container, HealthCheck } from '../container.ts';
import { type CheckResult, timeoutMessage } from '../health/health-check.ts';
import type { Programs } from './programs.ts';

/** As `OwnRuntime.check`. A program that nothing is known of is taken to serve, as it is taken to run. */
export async function simulateCheck(
  programs: Programs,
  clock: Clock,
  container: Container,
  { command, timeoutMs }: HealthCheck,
  signal: AbortSignal,
): Promise<CheckResult> {
  const spec = { command, env: [], workingDir: '', user: '', tty: false, attachStdin: false };
  const answer = await programs.exec(container, { ...spec, stdin: async () => Buffer.alloc(0) });
  const { exitCode = 0, stdout = '', stderr = '', takesMs = 0 } = answer ?? {};
  const output = `${Buffer.from(stdout)}${Buffer.from(stderr)}`;
  if (takesMs > 0) await pause(clock, Math.min(takesMs, timeoutMs), signal);
  if (takesMs > timeoutMs) return { exitCode: -1, output: timeoutMessage(timeoutMs, output) };
  return { exitCode, output };
}

function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(milliseconds, resolve);
    signal.addEventListener('abort', () => {
      timer.cancel();
      resolve();
    });
  });
}
