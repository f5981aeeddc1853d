import { createInterface } from 'node:readline';
import type { Shell } from '../shell.ts';

/** Docker's question: only `y` (any case) is yes; the end of stdin is no. */
export async function confirmed(warning: string, shell: Shell): Promise<boolean> {
  shell.stdout.write(`${warning}\nAre you sure you want to continue? [y/N] `);
  const answer = await readLine(shell);
  return answer?.trim().toLowerCase() === 'y';
}

/** One line of stdin; undefined at its end. */
export async function readLine(shell: Shell): Promise<string | undefined> {
  const lines = createInterface({ input: shell.stdin });
  for await (const line of lines) return line;
  return undefined;
}
