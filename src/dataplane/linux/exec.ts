import { type Argv, type Outcome, runToEnd } from '../../lib/child.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { IpSessions } from './ip-session.ts';

export type { Argv, Outcome };

export interface ExecOptions {
  readonly input?: string;
  /** Milliseconds; then the command is killed. */
  readonly timeout?: number;
  /** Path of the network namespace to run in; absent: the host's. */
  readonly namespace?: string;
}

export interface Exec {
  /** Runs a program to its end. @throws internal when it cannot be started; a bad exit code is a result */
  (argv: Argv, options?: ExecOptions): Promise<Outcome>;
  /** Where commands are so frequent that starting a program for each would not do. */
  readonly kept?: IpSessions;
  /** This process is in the host's namespace: its own /proc/sys/net is the host's. */
  readonly inHost?: boolean;
}

/** Far above anything iproute2 or nft needs; a command that takes longer hangs. */
const defaultTimeout = 10_000;

/**
 * Starts the processes of the data plane.
 * `hostNamespace` is for tests: the namespace that plays the host's.
 */
export function createExec(hostNamespace?: string): Exec {
  const exec = (argv: Argv, { timeout = defaultTimeout, ...options }: ExecOptions = {}) => {
    const namespace = options.namespace ?? hostNamespace;
    const entered: Argv = namespace ? ['nsenter', `--net=${namespace}`, ...argv] : argv;
    return runToEnd(entered, { timeout, ...(options.input === undefined ? {} : { input: options.input }) });
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
