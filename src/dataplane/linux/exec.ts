import { type Argv, type Outcome, runToEnd } from '../../lib/child.ts';
import { FairleadError } from '../../lib/errors.ts';

export type { Argv, Outcome };

export interface ExecOptions {
  readonly input?: string;
  /** Milliseconds; then the command is killed. */
  readonly timeout?: number;
  /** Path of the network namespace to run in; absent: the host's. */
  readonly namespace?: string;
}

/** Runs a program to its end. @throws internal when it cannot be started; a bad exit code is a result */
export type Exec = (argv: Argv, options?: ExecOptions) => Promise<Outcome>;

/** Far above anything iproute2 or nft needs; a command that takes longer hangs. */
const defaultTimeout = 10_000;

/**
 * Starts the processes of the data plane.
 * `hostNamespace` is for tests: the namespace that plays the host's.
 */
export function createExec(hostNamespace?: string): Exec {
  return (argv, { timeout = defaultTimeout, ...options }: ExecOptions = {}) => {
    const namespace = options.namespace ?? hostNamespace;
    const entered: Argv = namespace ? ['nsenter', `--net=${namespace}`, ...argv] : argv;
    return runToEnd(entered, { timeout, ...(options.input === undefined ? {} : { input: options.input }) });
  };
}

/** Standard output of a command that must succeed. @throws internal, with reason, command and stderr */
export async function output(
  { exec }: { readonly exec: Exec },
  argv: Argv,
  options?: ExecOptions,
): Promise<string> {
  const outcome = await exec(argv, options);
  if (outcome.code !== 0) throw commandFailed(argv, outcome);
  return outcome.stdout;
}

export function commandFailed(argv: Argv, { code, stderr }: Outcome): FairleadError {
  const said = stderr.trim().replaceAll(/\s*\n\s*/g, '; ') || 'it said nothing';
  return new FairleadError('internal', `command failed with exit code ${code}: ${argv.join(' ')}: ${said}`);
}
