import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildProcess, startChild } from '../../lib/child.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { type Chain, chainOf, firstName } from './confinement.ts';
import { checkDirectory, findProgram, StartFailure } from './find-program.ts';
import { commandLineOf } from './process-tree.ts';
import type { ProgramSpec, TerminalTools } from './protocol.ts';
import { programUnder, terminalCommand } from './terminal.ts';

export interface RunningProgram {
  /** Owner of the pipes: the program itself or the `script` around it. */
  readonly child: ChildProcess;
  /** Where signals go. */
  readonly pid: number;
  /** 128 + signal when killed. */
  readonly exited: Promise<number>;
}

/** Hears of the process that is to become the program. */
type SpawnListener = (pid: number) => void;

/** Resolves once the program has really been executed. @throws StartFailure */
export async function runProgram(
  spec: ProgramSpec,
  onSpawn: SpawnListener = () => {},
): Promise<RunningProgram> {
  const { command, env, workingDir, terminal } = spec;
  checkDirectory(workingDir);
  findProgram(command[0] ?? '', env.PATH ?? '', workingDir);
  const chain = chainOf(spec);
  return terminal
    ? await runOnTerminal(spec, chain, terminal, onSpawn)
    : await runPlain(spec, chain, onSpawn);
}

/** An empty chunk is the end of its stdin. Resolves when it can take more. */
export function feed({ child: { stdin } }: RunningProgram, data: Buffer): Promise<void> {
  if (!stdin?.writable) return Promise.resolve();
  stdin.once('error', () => {});
  return new Promise((resolve) => {
    if (data.length === 0) stdin.end(resolve);
    else stdin.write(data, () => resolve());
  });
}

async function runPlain(
  { command, openStdin, workingDir }: ProgramSpec,
  chain: Chain,
  onSpawn: SpawnListener,
): Promise<RunningProgram> {
  const child = startChild(chain.argv, {
    cwd: workingDir,
    env: { ...chain.env },
    argv0: firstName,
    stdio: [openStdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const exited = exitOf(child);
  const [stdout, stderr] = [new Held(child.stdout), new Held(child.stderr)];
  const pid = await startedPid(child, chain.argv[0]);
  onSpawn(pid);
  if (!(await isExecuted(child, chain))) await refuseComplaint(child, stderr, chain, command[0] ?? '');
  for (const held of [stdout, stderr]) held.release();
  return { child, pid, exited };
}

async function runOnTerminal(
  spec: ProgramSpec,
  chain: Chain,
  tools: TerminalTools,
  onSpawn: SpawnListener,
): Promise<RunningProgram> {
  const { file, args, env, shellText } = terminalCommand(tools, spec, chain);
  const child = startChild([file, ...args], { cwd: spec.workingDir, env: { ...env }, stdio: 'pipe' });
  const exited = exitOf(child);
  const held = [new Held(child.stdout), new Held(child.stderr)];
  const script = await startedPid(child, file);
  onSpawn(script);
  const pid = await programUnder(
    child,
    (line) => !line.includes(shellText) && !chain.stages.some(isPartOf(line)),
  );
  const early = pid === undefined ? await exited : 0;
  if (early === 126 || early === 127)
    throw new StartFailure(early, `exec: "${spec.command[0] ?? ''}": it could not be executed`);
  for (const each of held) each.release();
  return { child, pid: pid ?? script, exited };
}

/** A shell executes the first one under its own name. */
function isPartOf(line: string): (stage: string) => boolean {
  return (stage) => line.slice(line.indexOf('\0')) === stage.slice(stage.indexOf('\0'));
}

/** False when the process has ended before that was seen: its last word tells which it was that ended. */
async function isExecuted(child: ChildProcess, { stages }: Chain): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const line = commandLineOf(child.pid ?? 0);
    // It is empty while one program replaces another, and after the end.
    if (line && !stages.includes(line)) return true;
    await sleep(1);
  }
  return false;
}

/** Milliseconds; what a process has written before its end is in the pipe by then. */
const lastWords = 100;

const failedToExecute = /^failed to execute .*: (.*)$/;

/** @throws StartFailure when it was one of the chain that ended */
async function refuseComplaint(
  child: ChildProcess,
  stderr: Held,
  { complaints }: Chain,
  name: string,
): Promise<void> {
  const said = await stderr.first();
  const whose = complaints.find((complaint) => said.startsWith(`${complaint}: `));
  if (whose === undefined) return;
  const [message = ''] = said.slice(whose.length + 2).split('\n');
  const reason = failedToExecute.exec(message)?.[1]?.toLowerCase() ?? message;
  throw new StartFailure(child.exitCode === 127 ? 127 : 126, `exec: "${name}": ${reason}`);
}

/** Output that nobody reads yet. Node throws away what is unread when a process ends, unless somebody listens. */
class Held {
  readonly #stream: Readable | null;
  readonly #ready: Promise<void>;
  #isReady = () => {};

  constructor(stream: Readable | null) {
    this.#stream = stream;
    this.#ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    stream?.on('readable', this.#isReady);
  }

  /** Of an ended process: what came first, or nothing; it stays to be read. Others may hold the pipe open for ever. */
  async first(): Promise<string> {
    await withTimeout(this.#ready, lastWords);
    const chunk: Buffer | null = this.#stream?.read() ?? null;
    if (chunk !== null) this.#stream?.unshift(chunk);
    return chunk?.toString() ?? '';
  }

  release(): void {
    this.#stream?.off('readable', this.#isReady);
  }
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
