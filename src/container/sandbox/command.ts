import { statSync } from 'node:fs';
import { FairleadError } from '../../lib/errors.ts';
import type { Container, ExecSpec } from '../runtime.ts';
import type { TerminalTools } from '../shim/protocol.ts';
import { CommandError, findProgram, findTool } from './programs.ts';
import { parseUser, type User } from './users.ts';

/** Everything about a command that can be decided before it runs. */
export interface Command {
  readonly program: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user: User;
  readonly terminal?: TerminalTools;
}

type CommandSpec = Pick<ExecSpec, 'command' | 'env' | 'workingDir' | 'user' | 'tty'>;

/** @throws CommandError | unsupported (a terminal is asked for, and its tools are missing) */
export function planCommand(hostname: string, spec: CommandSpec): Command {
  const user = parseUser(spec.user);
  const workingDir = checkDirectory(spec.workingDir || '/');
  const env = environment(hostname, user.home, spec);
  const [name = ''] = spec.command;
  const program = findProgram(name, env.PATH ?? '', workingDir);
  const terminal = spec.tty ? { terminal: terminalTools() } : {};
  return { program, command: spec.command, env, workingDir, user, ...terminal };
}

/** An exec has the container's environment, user and directory where it names none of its own. */
export function execSpecOf(container: Container, spec: ExecSpec): CommandSpec {
  return {
    ...spec,
    env: [...container.spec.env, ...spec.env],
    workingDir: spec.workingDir || container.spec.workingDir,
    user: spec.user || container.spec.user,
  };
}

/** Only what the Engine gives, not the daemon's own; PATH is the host's, whose programs run here. */
function environment(hostname: string, home: string, spec: CommandSpec): Record<string, string> {
  const path = process.env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const env: Record<string, string> = { PATH: path, HOSTNAME: hostname, HOME: home };
  if (spec.tty) env.TERM = 'xterm';
  for (const assignment of spec.env) {
    const equals = assignment.indexOf('=');
    // `K` alone takes K away, as in the Engine.
    if (equals < 0) delete env[assignment];
    else env[assignment.slice(0, equals)] = assignment.slice(equals + 1);
  }
  return env;
}

function checkDirectory(directory: string): string {
  const isDirectory = statSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (directory.startsWith('/') && isDirectory) return directory;
  throw new CommandError(`the working directory ${directory} is no directory of this host`, 126);
}

function terminalTools(): TerminalTools {
  const [script, stty] = [findTool('script'), findTool('stty')];
  if (script && stty) return { script, stty };
  const missing = script ? 'stty (coreutils)' : 'script (bsdutils or util-linux)';
  throw new FairleadError(
    'unsupported',
    `a terminal (--tty) needs the program ${missing}, which is not installed`,
  );
}
