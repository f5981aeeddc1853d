import { realpathSync } from 'node:fs';
import { constants as os } from 'node:os';
import { delimiter, join } from 'node:path';
import { startInPlace } from '../../lib/child.ts';
import { isExecutable } from '../../lib/executable.ts';
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

/** With a terminal the child gets these from it as we do; sending them again would count as a second Ctrl-C. */
const fromTerminal = ['SIGINT', 'SIGQUIT'] as const;
const always = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** How often it was handed over, what last, and to whom. */
const mark = 'FAIRLEAD_HANDED_OVER';

/** A real dokku runs `dokku` for its parts, some deep; a script that runs us with one word more each time has no end. */
const mostHandovers = 16;

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
  const words = JSON.stringify([file, ...argv]);
  const [, times = '0', last] = /^(\d+) (.*)$/s.exec(shell.env[mark] ?? '') ?? [];
  if (last === words || Number(times) >= mostHandovers) {
    throw new Failure(
      `${file} runs Fairlead's ${shell.program} again: no other ${shell.program} is on the PATH`,
      127,
    );
  }
  const handedOver = { [mark]: `${Number(times) + 1} ${words}` };
  const child = startInPlace([file, ...argv], { argv0: shell.program, env: { ...env, ...handedOver } });
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of fromTerminal) process.on(signal, process.stdin.isTTY ? () => {} : forward);
  for (const signal of always) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? os.signals[signal] : 0)));
  });
}
