import type { Container } from '../container.ts';
import { defaultIsolation, type Isolation } from '../isolation.ts';
import type { ExecSpec } from '../runtime.ts';
import type { Confinement, ProgramSpec, TerminalTools } from '../shim/protocol.ts';
import { tool } from './programs.ts';
import { parseUser } from './users.ts';

type CommandSpec = Pick<ExecSpec, 'command' | 'env' | 'workingDir' | 'user' | 'tty'>;

/** The container's own program. @throws CommandError | unsupported (a tool is missing) */
export function mainProgram(hostname: string, container: Container): ProgramSpec {
  const { spec } = container;
  const command = { ...spec, env: environmentOf(container) };
  return programOf(hostname, command, spec.isolation ?? defaultIsolation, spec.openStdin);
}

/** What it was given wins over what its links say. */
function environmentOf({ spec, attachments }: Container): readonly string[] {
  return [...attachments.flatMap(({ variables = [] }) => variables), ...spec.env];
}

/**
 * A further one: it has the container's environment, user, directory, limits and groups where it names none of its own,
 * and never more capabilities, but for `--privileged`. @throws as `mainProgram`
 */
export function furtherProgram(hostname: string, container: Container, exec: ExecSpec): ProgramSpec {
  const { spec } = container;
  const { capabilities, ...isolation } = spec.isolation ?? defaultIsolation;
  const command = {
    ...exec,
    env: [...environmentOf(container), ...exec.env],
    workingDir: exec.workingDir || spec.workingDir,
    user: exec.user || spec.user,
  };
  const kept = exec.privileged || capabilities === undefined ? {} : { capabilities };
  return programOf(hostname, command, { ...isolation, ...kept }, exec.attachStdin);
}

function programOf(
  hostname: string,
  spec: CommandSpec,
  isolation: Isolation,
  openStdin: boolean,
): ProgramSpec {
  const { home, ...user } = parseUser(spec.user, isolation.groups);
  return {
    command: spec.command,
    env: environment(hostname, home, spec),
    workingDir: spec.workingDir || '/',
    user,
    confinement: confinementOf(isolation),
    ...(spec.tty ? { terminal: terminalTools() } : {}),
    openStdin,
  };
}

function confinementOf({ capabilities, noNewPrivileges, ulimits }: Isolation): Confinement {
  const purpose = 'a container with a program';
  const tools = {
    setpriv: tool('setpriv', purpose),
    prlimit: tool('prlimit', purpose),
    env: tool('env', purpose),
  };
  return { ...(capabilities ? { capabilities } : {}), noNewPrivileges, ulimits, tools };
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

function terminalTools(): TerminalTools {
  const purpose = 'a terminal (--tty)';
  return { script: tool('script', purpose), stty: tool('stty', purpose), chown: tool('chown', purpose) };
}
