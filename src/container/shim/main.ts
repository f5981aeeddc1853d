/**
 * The shim: the parent of a container's program, itself inside the container's namespaces, below a shell
 * that is their PID 1 and collects orphans (src/container/sandbox/namespaces.ts). It outlives the daemon,
 * so that a daemon's death costs neither output nor exit code. When it ends, PID 1 ends, and the kernel
 * kills whatever is left in the container (pid_namespaces(7)). The program is not PID 1 itself: signals
 * without a handler would not reach it, and each stop would take its full timeout.
 * It may have been started before there was a container for it (src/container/sandbox/spare.ts). Nothing but node: modules is loaded, and it is built as CommonJS, to start
 * fast: that is half of what starting a container costs.
 */
import { appendFileSync, writeSync } from 'node:fs';
import { Clients } from './clients.ts';
import { drained } from './drain.ts';
import { reserveExitFile, writeExitFile } from './exit-file.ts';
import { frameTypes } from './frames.ts';
import { LogWriter } from './log-writer.ts';
import { type RunningProgram, runProgram, StartFailure } from './program.ts';
import { type Job, type Reply, type Request, shimFiles } from './protocol.ts';
import { resizeTerminal } from './terminal.ts';

// A bug here must not cost the container's life; nobody hears its stderr.
process.on('uncaughtException', noteError);

void main();

async function main(): Promise<void> {
  const job = await readJob();
  if (job) await run(job).catch(fail);
  process.exit(0);
}

async function run(job: Job): Promise<void> {
  // The files are named by themselves: a path to the socket may be longer than sun_path (unix(7)).
  process.chdir(job.directory);
  reserveExitFile();
  const program = await runProgram(job);
  const clients = new Clients(job.holdFor, {
    onRequest: (request) => serve(program, request),
    onStdin: (data) => feed(program, data),
    onCongestion: (congested) => holdBack(program, congested),
  });
  copyOutput(program, clients);
  await clients.listen(program.pid);
  reply({ started: { pid: program.pid } });
  const exitCode = await program.exited;
  await drained([program.child.stdout, program.child.stderr], () => clients.congested);
  const exit = { exitCode, finishedAt: new Date().toISOString().replace('Z', '000000Z') };
  writeExitFile(exit);
  await clients.end({ exit });
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

function serve({ child, pid }: RunningProgram, { signal, resize }: Request): void {
  if (signal !== undefined) sendSignal(pid, signal);
  if (resize && child.pid !== undefined) resizeTerminal(child.pid, resize.columns, resize.rows);
}

function sendSignal(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended, which is what everybody is about to hear.
  }
}

function feed({ child: { stdin } }: RunningProgram, data: Buffer): Promise<void> {
  if (!stdin?.writable) return Promise.resolve();
  stdin.on('error', () => {});
  return new Promise((resolve) => {
    if (data.length === 0) stdin.end(resolve);
    else stdin.write(data, () => resolve());
  });
}

async function readJob(): Promise<Job | undefined> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.endsWith('\n')) return JSON.parse(text);
  }
  return undefined;
}

function noteError({ stack }: Error): void {
  try {
    appendFileSync(shimFiles.errors, `${stack}\n`, { mode: 0o600 });
  } catch {
    // Nor is there a disk to write it to.
  }
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  reply({ failed: { exitCode: error instanceof StartFailure ? error.exitCode : 126, message } });
}

function reply(message: Reply): void {
  try {
    writeSync(1, `${JSON.stringify(message)}\n`);
  } catch {
    // The daemon is gone; its successor finds the socket.
  }
}
