import { withTimeout } from '../../lib/with-timeout.ts';
import type { HealthCheck } from '../container.ts';
import { CheckOutput } from '../health/check-output.ts';
import { type CheckResult, timeoutMessage } from '../health/health-check.ts';
import type { ExecProcess, ExecSpec } from '../runtime.ts';
import { childrenOf } from '../shim/process-tree.ts';
import { identityOf, isAlive } from './process-identity.ts';

/** Milliseconds that what was killed has to be gone; what holds its output open then is left alone. */
const patience = 2000;

/** As `OwnRuntime.check`, by `exec`: it has the container's user, directory and environment. */
export async function runCheck(
  exec: (spec: ExecSpec) => Promise<ExecProcess>,
  { command, timeoutMs }: HealthCheck,
  signal: AbortSignal,
): Promise<CheckResult> {
  const process = await exec({
    command,
    ...{ env: [], workingDir: '', user: '', tty: false, attachStdin: false },
  });
  const identity = process.pid > 0 ? identityOf(process.pid) : undefined;
  const output = new CheckOutput(process.stdout, process.stderr);
  const called = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const hasEnded = process.exited.then(() => true);
  const settled = Promise.race([hasEnded, called.then(() => false)]);
  if ((await withTimeout(settled, timeoutMs)) && (await settled))
    return { exitCode: await process.exited, output: output.text };
  // Its number may be another's once it has ended.
  if (identity && isAlive(identity)) killAll(identity.pid);
  if (!(await withTimeout(process.exited, patience))) process.stdout.destroy();
  return { exitCode: -1, output: timeoutMessage(timeoutMs, output.text) };
}

/** The process first, so that it starts nothing more, and what it has started. */
function killAll(pid: number): void {
  const children = childrenOf(pid);
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
  for (const child of children) killAll(child);
}
