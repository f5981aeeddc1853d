import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { PassThrough, Readable, Writable } from 'node:stream';
import type { ExecProcess } from '../runtime.ts';
import { drained } from '../shim/drain.ts';
import { resizeTerminal, terminalCommand } from '../shim/terminal.ts';
import type { Command } from './command.ts';
import { tool } from './namespaces.ts';
import type { CommandError } from './programs.ts';

/** $0 is the directory. Entering a mount namespace leaves a process in its root directory (setns(2)). */
const inDirectory = ['/bin/sh', '-c', 'cd -- "$0" || exit 126; exec "$@"'];

/** Runs a command, as a child of this process, in all namespaces of the process `init` (host pid). */
export function execIn(init: number, command: Command, attachStdin: boolean): ExecProcess {
  const { args, env } = innerCommand(command);
  const enter = ['-t', String(init), '--net', '--mount', '--uts', '--pid', ...userFlags(command), '--'];
  const child = spawn(tool('nsenter'), [...enter, ...args], {
    env: { ...env },
    stdio: [attachStdin || command.terminal ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  return new HostProcess(child, command.terminal !== undefined, attachStdin);
}

/** What could not be run looks like a process that said why and ended, as a shell's `command not found`. */
export function failedExec({ message, exitCode }: CommandError, tty: boolean): ExecProcess {
  const said = Readable.from([Buffer.from(`${message}${tty ? '\r\n' : '\n'}`)]);
  const nothing = Readable.from([]);
  return {
    pid: 0,
    stdin: nowhere(),
    stdout: tty ? said : nothing,
    stderr: tty ? nothing : said,
    exited: Promise.resolve(exitCode),
    resize() {},
  };
}

function innerCommand({ program, command, env, workingDir, terminal }: Command) {
  const there = workingDir === '/' ? [] : [...inDirectory, workingDir];
  if (!terminal) return { args: [...there, ...command], env };
  const script = terminalCommand(terminal, program, command.slice(1), env);
  return { args: [...there, script.file, ...script.args], env: script.env };
}

function userFlags({ user }: Command): string[] {
  return user.uid === undefined ? [] : [`--setuid=${user.uid}`, `--setgid=${user.gid ?? 0}`];
}

class HostProcess implements ExecProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exited: Promise<number>;

  constructor(child: ChildProcess, tty: boolean, attachStdin: boolean) {
    this.pid = child.pid ?? 0;
    // A terminal whose stdin ended would read ^D; without a client it just stays open.
    this.stdin = attachStdin && child.stdin ? child.stdin : nowhere();
    child.stdin?.on('error', () => {});
    child.stdout?.pipe(this.stdout, { end: false });
    if (tty) child.stderr?.resume();
    else child.stderr?.pipe(this.stderr, { end: false });
    this.exited = this.#exit(child);
  }

  resize(columns: number, rows: number): void {
    resizeTerminal(this.pid, columns, rows);
  }

  async #exit(child: ChildProcess): Promise<number> {
    const code = await new Promise<number>((resolve) => {
      child.once('error', () => resolve(126));
      child.once('exit', (status, signal) =>
        resolve(status ?? 128 + (signal ? constants.signals[signal] : 0)),
      );
    });
    const behind = () => this.stdout.writableNeedDrain || this.stderr.writableNeedDrain;
    await drained([child.stdout, child.stderr], behind);
    this.stdout.end();
    this.stderr.end();
    return code;
  }
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
