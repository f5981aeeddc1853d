/**
 * The shim: the parent of a container's program, itself inside the container's namespaces, below a shell
 * that is their PID 1 and collects orphans (src/container/sandbox/namespaces/namespaces.ts). It outlives the daemon,
 * so that a daemon's death costs neither output nor exit code. When it ends, PID 1 ends, and the kernel
 * kills whatever is left in the container (pid_namespaces(7)). The program is not PID 1 itself: signals
 * without a handler would not reach it, and each stop would take its full timeout.
 * It may have been started before there was a container for it (src/container/sandbox/namespaces/prewarmed-shim.ts). Nothing but node:
 * modules is loaded, and it is built as CommonJS, to start fast: that is half of what starting a container costs.
 *
 * The shim keeps all privileges above a program that has few, of the same user often. The kernel lets nobody look
 * into a process that has more capabilities than he has himself (ptrace(2), "Ptrace access mode checking"), so its
 * memory, descriptors and root are out of reach for whoever lacks CAP_SYS_PTRACE.
 */
import { appendFileSync, symlinkSync, unlinkSync, writeSync } from 'node:fs';
import { closeInherited } from '../../lib/descriptors.ts';
import { Clients } from './clients.ts';
import { drained } from './drain.ts';
import { reserveExitFile, writeExitFile } from './exit-file.ts';
import { frameTypes } from './frames.ts';
import { LogWriter } from './log-writer.ts';
import { childrenOf } from './process-tree.ts';
import { feed, type RunningProgram, runProgram } from './program.ts';
import {
  type ExitRecord,
  type Job,
  type ProgramSpec,
  type Reply,
  type Request,
  shimFiles,
} from './protocol.ts';
import { failureOf } from './session.ts';
import { resizeTerminal } from './terminal.ts';

/** As of what the kernel kills when PID 1 ends, which it does when the shim does. */
const killedCode = 137;

let started = false;
process.on('uncaughtException', endVisibly);

closeInherited();
main().catch(endVisibly);

async function main(): Promise<void> {
  const job = await readJob();
  if (job) await run(job);
  process.exit(0);
}

async function run(job: Job): Promise<void> {
  enterDirectory();
  if (job.ownDevices) completeDevices();
  if (job.program) await runToEnd(job.program, job.holdFor);
  else await hold();
}

async function runToEnd(spec: ProgramSpec, holdFor: number): Promise<void> {
  reserveExitFile();
  const program = await runProgram(spec);
  const clients = new Clients(holdFor, {
    onRequest: (request) => serve(program, request),
    onStdin: (data) => feed(program, data),
    onCongestion: (congested) => holdBack(program, congested),
  });
  copyOutput(program, clients);
  await clients.listen(program.pid);
  reply({ started: { pid: program.pid } });
  const exitCode = await program.exited;
  await drained([program.child.stdout, program.child.stderr], () => clients.congested);
  const exit = { exitCode, finishedAt: now() };
  writeExitFile(exit);
  await clients.end({ exit });
}

/** For what is executed in a container without a command, until it is killed. */
async function hold(): Promise<void> {
  const nothing = { onRequest: async () => {}, onStdin: async () => {}, onCongestion: () => {} };
  await new Clients(0, nothing).listen(0);
  reply({ started: { pid: 0 } });
  await new Promise(() => {});
}

/**
 * The container's directory: its log, socket and exit record are there. By its path it is covered, as nobody in the
 * container may find it; but who hands on our orders has gone there before (src/container/sandbox/namespaces/namespaces.ts).
 * What is there is named by itself from now on: a path to the socket may be longer than sun_path (unix(7)).
 */
function enterDirectory(): void {
  const [messenger] = childrenOf(1).filter((pid) => pid !== process.pid);
  process.chdir(`/proc/${messenger}/cwd`);
}

/** With the links that every /dev has, and without the list of what was mounted there. */
function completeDevices(): void {
  unlinkSync('/dev/.fstab');
  const links = { fd: '', stdin: '/0', stdout: '/1', stderr: '/2' };
  for (const [name, end] of Object.entries(links)) symlinkSync(`/proc/self/fd${end}`, `/dev/${name}`);
}

function copyOutput({ child }: RunningProgram, clients: Clients): void {
  const log = new LogWriter();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.on('data', (chunk: Buffer) => {
      log.write(stream, chunk);
      clients.output(frameTypes[stream], chunk);
    });
  }
}

function holdBack({ child }: RunningProgram, congested: boolean): void {
  for (const stream of [child.stdout, child.stderr]) congested ? stream?.pause() : stream?.resume();
}

async function serve({ child, pid }: RunningProgram, { signal, resize }: Request): Promise<void> {
  if (signal !== undefined) sendSignal(pid, signal);
  if (resize && child.pid !== undefined) await resizeTerminal(child.pid, resize.columns, resize.rows);
}

function sendSignal(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended, which is what everybody is about to hear.
  }
}

async function readJob(): Promise<Job | undefined> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.endsWith('\n')) return JSON.parse(text);
  }
  return undefined;
}

/**
 * A program that could not be run, or a bug. Whoever waits hears of it: the daemon that started it, or the one that
 * reads its exit record. A shim that went on would answer nobody.
 */
function endVisibly(error: Error): void {
  if (started) {
    noteError(error);
    const message = `the shim has failed: ${error.message}`;
    writeIfPossible(() =>
      writeExitFile({ exitCode: killedCode, finishedAt: now(), error: message } satisfies ExitRecord),
    );
  } else reply(failureOf(error));
  process.exit(1);
}

function noteError({ stack }: Error): void {
  writeIfPossible(() => appendFileSync(shimFiles.errors, `${stack}\n`, { mode: 0o600 }));
}

function reply(message: Reply): void {
  started = 'started' in message;
  // The daemon may be gone; its successor finds the socket.
  writeIfPossible(() => writeSync(1, `${JSON.stringify(message)}\n`));
}

function writeIfPossible(write: () => void): void {
  try {
    write();
  } catch {
    // Nobody listens, or the disk is full: nothing is left to say it to.
  }
}

function now(): string {
  return new Date().toISOString().replace('Z', '000000Z');
}
