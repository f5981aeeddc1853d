import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Job, TerminalTools } from './protocol.ts';
import { programUnder, terminalCommand } from './terminal.ts';

/** The program could not be run; `exitCode` is 126 or 127, as a shell's. */
export class StartFailure extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
  }
}

export interface RunningProgram {
  /** Owner of the pipes: the program itself or the `script` around it. */
  readonly child: ChildProcess;
  /** Where signals go. */
  readonly pid: number;
  /** 128 + signal when killed. */
  readonly exited: Promise<number>;
}

/** Resolves once the program has really been executed. @throws StartFailure */
export function runProgram(job: Job): Promise<RunningProgram> {
  return job.terminal ? runOnTerminal(job, job.terminal) : runPlain(job);
}

async function runPlain(job: Job): Promise<RunningProgram> {
  const [name = '', ...args] = job.command;
  const child = spawn(job.program, args, {
    ...optionsOf(job, job.env),
    argv0: name,
    stdio: [job.openStdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const exited = exitOf(child);
  return { child, pid: await startedPid(child, name), exited };
}

async function runOnTerminal(job: Job, tools: TerminalTools): Promise<RunningProgram> {
  const [name = '', ...args] = job.command;
  const { file, args: scriptArgs, env, shellText } = terminalCommand(tools, job.program, args, job.env);
  const child = spawn(file, scriptArgs, { ...optionsOf(job, env), stdio: 'pipe' });
  const exited = exitOf(child);
  const script = await startedPid(child, file);
  const pid = await programUnder(child, shellText);
  const early = pid === undefined ? await exited : 0;
  if (early === 126 || early === 127)
    throw new StartFailure(early, `exec: "${name}": it could not be executed`);
  return { child, pid: pid ?? script, exited };
}

function optionsOf(job: Job, env: Readonly<Record<string, string>>) {
  const user = {
    ...(job.uid === undefined ? {} : { uid: job.uid }),
    ...(job.gid === undefined ? {} : { gid: job.gid }),
  };
  return { cwd: job.workingDir, env: { ...env }, ...user };
}

/** Node learns of a failed execve before `spawn` returns, and tells it by an `error` event. */
function startedPid(child: ChildProcess, name: string): Promise<number> {
  if (child.pid !== undefined) return Promise.resolve(child.pid);
  return new Promise((_, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(startFailure(name, error.code ?? '')));
  });
}

function startFailure(name: string, code: string): StartFailure {
  if (code === 'ENOENT') return new StartFailure(127, `exec: "${name}": no such file or directory`);
  const reasons: Record<string, string> = { EACCES: 'permission denied', E2BIG: 'argument list too long' };
  return new StartFailure(126, `exec: "${name}": ${reasons[code] ?? code}`);
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
