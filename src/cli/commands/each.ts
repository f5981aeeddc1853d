import type { Context } from '../command.ts';
import { complain } from '../complain.ts';
import { DaemonError } from '../failure.ts';

/** Applies one call to each name: prints each success and each failure, and goes on. @returns the exit code */
export async function forEach(
  refs: readonly string[],
  act: (ref: string) => Promise<string | undefined>,
  context: Context,
): Promise<number> {
  let failed = false;
  for (const ref of refs) {
    try {
      const line = await act(ref);
      if (line !== undefined) context.shell.stdout.write(`${line}\n`);
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      await complain(error, context);
      failed = true;
    }
  }
  return failed ? 1 : 0;
}
