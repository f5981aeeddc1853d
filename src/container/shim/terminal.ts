import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, commandLineOf, terminalBelow } from './process-tree.ts';
import type { TerminalTools } from './protocol.ts';

/**
 * Terminals without a native module: `script` of util-linux makes the pty and copies between it and
 * our pipes; stdin's end becomes ^D; `-e` hands on the exit status, 128 + signal when killed.
 */
export interface TerminalCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What the pty's shell runs; it stands in the command line until the program has replaced the shell. */
  readonly shellText: string;
}

export function terminalCommand(
  tools: TerminalTools,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): TerminalCommand {
  // `script` runs $SHELL; echo is off on a pty whose maker has no terminal of its own.
  const shell = env.SHELL === undefined ? 'unset SHELL' : `SHELL=${quote(env.SHELL)}`;
  const shellText = `${quote(tools.stty)} echo; ${shell}; exec ${[program, ...args].map(quote).join(' ')}`;
  return {
    file: tools.script,
    args: ['-q', '-e', '-f', '-c', shellText, '/dev/null'],
    env: { ...env, SHELL: '/bin/sh' },
    shellText,
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Waits until the program has taken the shell's place.
 * Resolves with its pid, or undefined when `script` has ended before that was seen.
 */
export async function programUnder(script: ChildProcess, shellText: string): Promise<number | undefined> {
  while (script.exitCode === null && script.signalCode === null) {
    const [pid] = childrenOf(script.pid ?? 0);
    const line = pid === undefined ? undefined : commandLineOf(pid);
    if (line && !line.includes(shellText)) return pid;
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
      spawn('stty', ['-F', terminal, ...size], { stdio: 'ignore' }).on('error', () => {});
      return;
    }
    await sleep(20);
  }
}
