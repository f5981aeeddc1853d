import { clientFor, type DaemonFlags, noDaemonFlags } from './client/endpoint.ts';
import type { TlsFlags } from './client/tls.ts';
import type { Command } from './command.ts';
import { complain } from './complain.ts';
import { takeServices } from './delegate/run-words.ts';
import { Failure } from './failure.ts';
import { parseWords } from './flags/parse.ts';
import { text, toggle } from './flags/spec.ts';
import { dispatch, type Group } from './program.ts';
import type { Shell } from './shell.ts';

export const globalFlags = {
  host: text('Daemon socket to connect to: unix:///PATH or tcp://HOST:PORT', {
    short: 'H',
    takes: ['tcp://', 'unix:///'],
  }),
  tls: toggle('Use TLS; implied by --tlsverify'),
  tlscacert: text('Trust daemons whose certificate this CA signed', { takes: 'file' }),
  tlscert: text('Path to TLS certificate file', { takes: 'file' }),
  tlskey: text('Path to TLS key file', { takes: 'file' }),
  tlsverify: toggle('Use TLS and verify the daemon'),
  version: toggle('Print version information and quit', { short: 'v' }),
};

/** What the CLI does not know itself, because imports go down only. */
export interface Loaders {
  readonly loadDaemon: () => Promise<Command>;
  readonly loadFake: () => Promise<Command>;
}

/** Runs one command line. @returns the exit code */
export async function fairlead(argv: readonly string[], shell: Shell, load: Loaders): Promise<number> {
  if (isCompletion(argv)) {
    const { completeFairlead } = await import('./completion/fairlead.ts');
    return completeFairlead(argv, shell, load);
  }
  const { program } = await import('./commands/program.ts');
  return runProgram(program(load), argv, shell, besideEngine);
}

/** What shells ask (src/cli/completion/): cobra's words, so that one script serves the real docker too. */
export function isCompletion([first]: readonly string[]): boolean {
  return first === '__complete' || first === '__completeNoDesc';
}

/** What may do a command instead of the program. @returns undefined: it is the program's */
export type Instead = (
  daemon: DaemonFlags,
  words: readonly string[],
  shell: Shell,
) => Promise<number | undefined>;

/** Where containers are an Engine's, its own docker makes them: it has flags that we have not. */
async function besideEngine(
  daemon: DaemonFlags,
  args: readonly string[],
  shell: Shell,
): Promise<number | undefined> {
  const words = takeServices(args);
  if (!words || words.help) return undefined;
  const { runBeside } = await import('./delegate/run-beside.ts');
  return await runBeside({ words, daemon, globals: [] }, shell);
}

/** Global flags, then a command of the program. */
export async function runProgram(
  root: Group,
  argv: readonly string[],
  shell: Shell,
  instead: Instead = async () => undefined,
): Promise<number> {
  try {
    const { version, daemon, args } = await parseGlobal(argv);
    if (version) return dispatch(root, ['version', '--short'], contextOf(daemon, shell));
    const words = args[0] === 'daemon' ? ['daemon', ...flagsOfDaemon(daemon), ...args.slice(1)] : args;
    const done = await instead(daemon, words, shell);
    return done ?? (await dispatch(root, words, contextOf(daemon, shell)));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await complain(error, contextOf(noDaemonFlags, shell));
    return error.exitCode;
  }
}

interface Global {
  readonly version: boolean;
  readonly daemon: DaemonFlags;
  readonly args: readonly string[];
}

/** The flags before the command. */
export async function parseGlobal(argv: readonly string[]): Promise<Global> {
  const help = argv[0] === '--help' || argv[0] === '-h';
  if (help) return { version: false, daemon: noDaemonFlags, args: argv };
  const { flags, given, args } = await parseWords(argv, globalFlags, false);
  const { version, host, ...all } = flags;
  const tls: TlsFlags = Object.fromEntries(Object.entries(all).filter(([name]) => given.has(name)));
  return { version, daemon: { host, tls }, args };
}

/** Before the command `daemon` they are its own: where it listens, and with which keys. */
function flagsOfDaemon({ host, tls }: DaemonFlags): readonly string[] {
  const given = Object.entries({ ...(host && { host }), ...tls });
  return given.map(([name, value]) => `--${name}=${value}`);
}

function contextOf(daemon: DaemonFlags, shell: Shell) {
  return { shell, path: shell.program, client: clientFor(daemon, shell) };
}
