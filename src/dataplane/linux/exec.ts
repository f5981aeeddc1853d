import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { FairleadError } from '../../lib/errors.ts';
import type { KeptIp } from './kept-ip.ts';

/** What a command left behind. `code` is the exit code, 128 + 9 when it was killed for taking too long. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  readonly input?: string;
  /** Milliseconds; then the command is killed. */
  readonly timeout?: number;
  /** Path of the network namespace to run in; absent: the host's. */
  readonly namespace?: string;
}

export type Argv = readonly [program: string, ...args: string[]];

export interface Exec {
  /** Runs a program to its end. @throws internal when it cannot be started; a bad exit code is a result */
  (argv: Argv, options?: ExecOptions): Promise<Outcome>;
  /** Where commands are so frequent that starting a program for each would not do. */
  readonly kept?: KeptIp;
  /** This process is in the host's namespace: its own /proc/sys/net is the host's. */
  readonly inHost?: boolean;
}

/** Far above anything iproute2 or nft needs; a command that takes longer hangs. */
const defaultTimeout = 10_000;

/**
 * The only place that starts processes for the data plane: argument arrays, never a shell.
 * `hostNamespace` is for tests: the namespace that plays the host's.
 */
export function createExec(hostNamespace?: string): Exec {
  const exec = (argv: Argv, options: ExecOptions = {}) => {
    const namespace = options.namespace ?? hostNamespace;
    return run(namespace ? ['nsenter', `--net=${namespace}`, ...argv] : argv, options);
  };
  return Object.assign(exec, { inHost: hostNamespace === undefined });
}

/** Standard output of a command that must succeed. @throws internal, with reason, command and stderr */
export async function output(exec: Exec, argv: Argv, options?: ExecOptions): Promise<string> {
  const outcome = await exec(argv, options);
  if (outcome.code !== 0) throw commandFailed(argv, outcome);
  return outcome.stdout;
}

export function commandFailed(argv: Argv, { code, stderr }: Outcome): FairleadError {
  const said = stderr.trim().replaceAll(/\s*\n\s*/g, '; ') || 'it said nothing';
  return new FairleadError('internal', `command failed with exit code ${code}: ${argv.join(' ')}: ${said}`);
}

function run(argv: Argv, options: ExecOptions): Promise<Outcome> {
  const [program, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: 'pipe',
      timeout: options.timeout ?? defaultTimeout,
      killSignal: 9,
    });
    const stdout = collect(child, 'stdout');
    const stderr = collect(child, 'stderr');
    child.once('error', (error) => reject(cannotStart(program, error)));
    child.once('close', (code) => resolve({ code: code ?? 137, stdout: stdout(), stderr: stderr() }));
    // A command that ends without reading its input makes the pipe fail; its exit code tells the story.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

function collect(child: ChildProcessWithoutNullStreams, stream: 'stdout' | 'stderr'): () => string {
  const chunks: Buffer[] = [];
  child[stream].on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

function cannotStart(program: string, error: NodeJS.ErrnoException): FairleadError {
  const reason = error.code === 'ENOENT' ? 'it is not installed' : error.message;
  return new FairleadError('internal', `cannot run ${program}: ${reason}`, { cause: error });
}
