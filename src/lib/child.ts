import {
  type ChildProcess,
  type ChildProcessByStdio,
  type ChildProcessWithoutNullStreams,
  type SpawnOptions,
  spawn,
} from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { inheritableDescriptors } from './descriptors.ts';
import { FairleadError } from './errors.ts';

export type { ChildProcess, ChildProcessByStdio, ChildProcessWithoutNullStreams };

export type Argv = readonly [program: string, ...args: string[]];

export interface ChildOptions
  extends Pick<SpawnOptions, 'cwd' | 'env' | 'argv0' | 'detached' | 'timeout' | 'killSignal'> {
  /** Descriptors 0, 1 and 2; the child has no others, but for the channel of a Node child (`ipc`), which is the fourth. */
  readonly stdio: 'pipe' | 'ignore' | readonly ('pipe' | 'ignore' | 'ipc')[];
}

/**
 * The only way to start a program (held to by test/unit/lib/child.test.ts): an argument array, no shell, and no
 * descriptor but 0, 1 and 2, whatever this process was given or a native module has opened without O_CLOEXEC.
 * A leaked one is how a container gets at the host: CVE-2024-21626 is runc's.
 * @throws internal when a descriptor would leak and nothing is there to close it
 */
export function startChild(
  argv: Argv,
  options: ChildOptions & { readonly stdio: 'pipe' },
): ChildProcessWithoutNullStreams;
export function startChild(
  argv: Argv,
  options: ChildOptions & { readonly stdio: readonly ['ignore', 'pipe', 'pipe'] },
): ChildProcessByStdio<null, Readable, Readable>;
export function startChild(
  argv: Argv,
  options: ChildOptions & { readonly stdio: readonly ['pipe', 'ignore', 'pipe'] },
): ChildProcessByStdio<Writable, null, Readable>;
export function startChild(argv: Argv, options: ChildOptions): ChildProcess;
export function startChild(argv: Argv, { stdio, ...options }: ChildOptions): ChildProcess {
  const leaks = inheritableDescriptors();
  const [program, ...args] = leaks.length === 0 ? argv : closing(leaks, argv, options);
  const kept = leaks.length === 0 ? options : { ...options, argv0: undefined };
  return spawn(program, args, { ...kept, stdio: typeof stdio === 'string' ? stdio : [...stdio] });
}

/** Runs a program in this one's place: with all that it was given, descriptors included, as after exec(3). */
export function startInPlace(argv: Argv, options: Pick<SpawnOptions, 'argv0' | 'env'>): ChildProcess {
  const [program, ...args] = argv;
  return spawn(program, args, { ...options, stdio: 'inherit' });
}

export interface RunOptions extends Pick<SpawnOptions, 'env' | 'timeout'> {
  readonly input?: string;
}

/** What a program left behind. `code` is its exit code, 128 + 9 when it was killed for taking too long. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. @throws internal when it cannot be started; a bad exit code is a result */
export async function runToEnd(argv: Argv, { input = '', ...options }: RunOptions = {}): Promise<Outcome> {
  const child = startChild(argv, { ...options, stdio: 'pipe', killSignal: 'SIGKILL' });
  return await new Promise((resolve, reject) => {
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    child.once('error', (error) => reject(cannotStart(argv[0], error)));
    child.once('close', (code) => resolve({ code: code ?? 137, stdout: stdout(), stderr: stderr() }));
    // A command that ends without reading its input makes the pipe fail; its exit code tells the story.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Of all shells this one can name a descriptor of more than one digit. */
const closer = ['/bin/bash', '/usr/bin/bash'];

/** Node cannot set O_CLOEXEC, and must not close what a module uses: the child closes it, before anything else. */
function closing(
  leaks: readonly number[],
  argv: Argv,
  { argv0, env }: Pick<SpawnOptions, 'argv0' | 'env'>,
): Argv {
  // To be told as not there, as by Node itself, and not by a shell.
  if (!isFound(argv[0], env)) return [join('/nonexistent', argv[0])];
  const bash = closer.find((path) => existsSync(path));
  if (bash) {
    const redirections = leaks.map((fd) => `${fd}>&-`).join(' ');
    return [
      bash,
      '--norc',
      '-p',
      '-c',
      `exec ${redirections}; exec -a "$0" -- "$@"`,
      argv0 ?? argv[0],
      ...argv,
    ];
  }
  const named = leaks.map((fd) => `${fd} (${targetOf(fd)})`).join(', ');
  throw new FairleadError(
    'internal',
    `${argv[0]} is not started: it would inherit open files of this process, ${named}; bash, which could close them, is not installed`,
  );
}

function isFound(program: string, env: NodeJS.ProcessEnv = process.env): boolean {
  if (program.includes('/')) return existsSync(program);
  return (env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

function targetOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return 'closed by now';
  }
}

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

function cannotStart(program: string, error: NodeJS.ErrnoException): FairleadError {
  const reason = error.code === 'ENOENT' ? 'it is not installed' : error.message;
  return new FairleadError('internal', `cannot run ${program}: ${reason}`, { cause: error });
}
