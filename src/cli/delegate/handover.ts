import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { constants as os } from 'node:os';
import { delimiter, join } from 'node:path';
import { startInPlace } from '../../lib/child.ts';
import { Failure } from '../failure.ts';
import type { Shell } from '../shell.ts';

/**
 * The program of this name on the PATH after ours. Only what comes after us counts, so that two installations
 * of ours cannot hand a command to each other for ever.
 */
export function findReal(name: string, path: string, own: string): string | undefined {
  const candidates = path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name));
  const ourPlace = candidates.findIndex((file) => realPath(file) === own);
  return candidates.slice(ourPlace + 1).find((file) => isExecutable(file) && realPath(file) !== own);
}

function realPath(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** With a terminal the child gets these from it as we do; sending them again would count as a second Ctrl-C. */
const fromTerminal = ['SIGINT', 'SIGQUIT'] as const;
const always = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** What was handed over last, and to whom. */
const mark = 'FAIRLEAD_HANDED_OVER';

/**
 * Runs the program in our place: same stdio, environment (unless given) and signals. @returns its exit code
 * @throws Failure when the program is a script that runs us again: it and we would call each other for ever
 */
export async function runReal(
  file: string,
  argv: readonly string[],
  shell: Shell,
  env: NodeJS.ProcessEnv = shell.env,
): Promise<number> {
  const handedOver = JSON.stringify([file, ...argv]);
  if (shell.env[mark] === handedOver) {
    throw new Failure(
      `${file} runs Fairlead's ${shell.program} again: no other ${shell.program} is on the PATH`,
      127,
    );
  }
  const child = startInPlace([file, ...argv], { argv0: shell.program, env: { ...env, [mark]: handedOver } });
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of fromTerminal) process.on(signal, process.stdin.isTTY ? () => {} : forward);
  for (const signal of always) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? os.signals[signal] : 0)));
  });
}
