import { takeServices } from './beside/run-words.ts';
import type { Connect } from './client/connect.ts';
import { chooseEndpoint } from './client/endpoint.ts';
import type { Command } from './command.ts';
import { Failure } from './failure.ts';
import { parseWords } from './flags/parse.ts';
import { text, toggle } from './flags/spec.ts';
import { dispatch, type Group } from './program.ts';
import type { Shell } from './shell.ts';

export const globalFlags = {
  host: text('Daemon socket to connect to: unix:///PATH or tcp://HOST:PORT', { short: 'H' }),
  version: toggle('Print version information and quit', { short: 'v' }),
};

/** What the CLI does not know itself, because imports go down only. */
export interface Parts {
  readonly loadDaemon: () => Promise<Command>;
  readonly loadFake: () => Promise<Command>;
}

/** Runs one command line. @returns the exit code */
export async function fairlead(argv: readonly string[], shell: Shell, parts: Parts): Promise<number> {
  const { program } = await import('./commands/program.ts');
  return runProgram(program(parts), argv, shell, besideEngine);
}

/** What may do a command instead of the program. @returns undefined: it is the program's */
export type Instead = (host: string, words: readonly string[], shell: Shell) => Promise<number | undefined>;

/** Where containers are an Engine's, its own docker makes them: it has flags that we have not. */
async function besideEngine(
  host: string,
  args: readonly string[],
  shell: Shell,
): Promise<number | undefined> {
  const words = takeServices(args);
  if (!words || words.help) return undefined;
  const { runBeside } = await import('./beside/run-beside.ts');
  return await runBeside({ words, host, globals: [] }, shell);
}

/** Global flags, then a command of the program. */
export async function runProgram(
  root: Group,
  argv: readonly string[],
  shell: Shell,
  instead: Instead = async () => undefined,
): Promise<number> {
  try {
    const { flags, args } = await parseGlobal(argv);
    if (flags.version) return dispatch(root, ['version', '--short'], contextOf(flags.host, shell));
    const words =
      flags.host && args[0] === 'daemon' ? ['daemon', '--host', flags.host, ...args.slice(1)] : args;
    const done = await instead(flags.host, words, shell);
    return done ?? (await dispatch(root, words, contextOf(flags.host, shell)));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    shell.stderr.write(`${shell.program}: ${error.message}. See '${shell.program} --help'.\n`);
    return error.exitCode;
  }
}

async function parseGlobal(argv: readonly string[]) {
  const help = argv[0] === '--help' || argv[0] === '-h';
  if (help) return { flags: { host: '', version: false }, args: argv };
  return parseWords(argv, globalFlags, false);
}

function contextOf(host: string, shell: Shell) {
  return { shell, path: shell.program, connect: connector(host, shell) };
}

/** The client library is loaded by the first command that needs it. */
export function connector(host: string, shell: Shell): Connect {
  return async () => {
    const endpoint = chooseEndpoint(host === '' ? undefined : host, shell);
    const { openClient } = await import('./client/open.ts');
    return openClient(endpoint);
  };
}
