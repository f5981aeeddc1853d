import { DaemonError } from '../../failure.ts';
import type { Shell } from '../../shell.ts';

/** Does one thing to each name: prints what was done, tells what failed, and goes on. @returns the exit code */
export async function forEach(
  refs: readonly string[],
  act: (ref: string) => Promise<string | undefined>,
  shell: Shell,
): Promise<number> {
  let failed = false;
  for (const ref of refs) {
    try {
      const line = await act(ref);
      if (line !== undefined) shell.stdout.write(`${line}\n`);
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      shell.stderr.write(`${error.message}\n`);
      failed = true;
    }
  }
  return failed ? 1 : 0;
}
