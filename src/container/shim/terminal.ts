import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildProcess, startChild } from '../../lib/child.ts';
import type { Chain } from './confinement.ts';
import { childrenOf, commandLineOf, terminalBelow } from './process-tree.ts';
import type { ProgramSpec, TerminalTools } from './protocol.ts';

/**
 * Terminals without a native module: `script` of util-linux makes the pty and copies between it and
 * our pipes; stdin's end becomes ^D; `-e` hands on the exit status, 128 + signal when killed.
 */
export interface TerminalCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What the pty's shell runs; it stands in the command line until the shell has been replaced. */
  readonly shellText: string;
}

/**
 * `script` is the shim's, with all privileges, as limits of the program are none of its own; so the terminal is given
 * to the program's user.
 */
export function terminalCommand(
  tools: TerminalTools,
  { env, user }: ProgramSpec,
  chain: Chain,
): TerminalCommand {
  // `script` runs $SHELL; echo is off on a pty whose maker has no terminal of its own.
  const shell = env.SHELL === undefined ? 'unset SHELL' : `SHELL=${quote(env.SHELL)}`;
  const own = user.uid === 0 ? '' : `${quote(tools.chown)} ${user.uid} /proc/self/fd/0; `;
  const shellText = `${quote(tools.stty)} echo; ${own}${shell}; exec ${chain.argv.map(quote).join(' ')}`;
  return {
    file: tools.script,
    args: ['-q', '-e', '-f', '-c', shellText, '/dev/null'],
    env: { ...chain.env, SHELL: '/bin/sh' },
    shellText,
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Waits until the program has taken the shell's place: until what runs below `script` has its command line.
 * Resolves with its pid, or undefined when `script` has ended before that was seen.
 */
export async function programUnder(
  script: ChildProcess,
  isProgram: (commandLine: string) => boolean,
): Promise<number | undefined> {
  while (script.exitCode === null && script.signalCode === null) {
    const [pid] = childrenOf(script.pid ?? 0);
    const line = pid === undefined ? undefined : commandLineOf(pid);
    if (line && isProgram(line)) return pid;
    await sleep(2);
  }
  return undefined;
}

/** Tries for a second: a client resizes at once, when the terminal may not be there yet. */
export async function resizeTerminal(pid: number, columns: number, rows: number): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const terminal = terminalBelow(pid);
    if (terminal) {
      const size = ['cols', String(columns), 'rows', String(rows)];
      startChild(['stty', '-F', terminal, ...size], { stdio: 'ignore' }).on('error', () => {});
      return;
    }
    await sleep(20);
  }
}
