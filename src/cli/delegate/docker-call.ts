import type { DaemonFlags } from '../client/endpoint.ts';
import { UsageError } from '../failure.ts';

/** What a command line of `docker` asks for, as far as the choice between us and the real one needs it. */
export interface DockerCall {
  /** The daemon that the words before the command name. */
  readonly target: DaemonFlags;
  /** `docker -d FLAGS` or `docker daemon FLAGS`. */
  readonly daemon: boolean;
  /** The command and what follows; of a daemon, its flags. */
  readonly words: readonly string[];
}

/** Docker's global flags that take a value. */
const withValue = new Set([
  '-H',
  '--host',
  '-c',
  '--context',
  '--config',
  '-l',
  '--log-level',
  '--tlscacert',
  '--tlscert',
  '--tlskey',
]);

export function readCall(argv: readonly string[]): DockerCall {
  const daemonAt = argv.findIndex((word) => word === '-d' || word === '--daemon');
  const { globals, words, target } = splitGlobals(argv);
  const isDaemonFlag = daemonAt >= 0 && daemonAt < globals;
  if (isDaemonFlag) return { target, daemon: true, words: argv.filter((_word, index) => index !== daemonAt) };
  const [command = '', ...rest] = words;
  if (command === 'daemon') return { target, daemon: true, words: [...argv.slice(0, globals), ...rest] };
  // `docker help network` is `docker network --help`.
  if (command === 'help' && rest.length > 0) return { target, daemon: false, words: [...rest, '--help'] };
  return { target, daemon: false, words };
}

/** Everything before the first word that is neither a flag nor a flag's value. */
function splitGlobals(argv: readonly string[]) {
  let host = '';
  let index = 0;
  const tls: Record<string, string | boolean> = {};
  for (; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (!word.startsWith('-')) break;
    const [name = '', value] = word.split(/=(.*)/s);
    const attached = /^-H(.+)$/.exec(word)?.[1]?.replace(/^=/, '');
    if (name === '-H' || name === '--host') host = value ?? argv[index + 1] ?? '';
    else if (attached !== undefined) host = attached;
    else if (tlsFiles.has(name)) tls[name.slice(2)] = value ?? argv[index + 1] ?? '';
    else if (tlsSwitches.has(name)) tls[name.slice(2)] = isTrue(name, value ?? 'true');
    if (withValue.has(word)) index += 1;
  }
  const target: DaemonFlags = { host, tls };
  return { globals: index, words: argv.slice(index), target };
}

const tlsFiles = new Set(['--tlscacert', '--tlscert', '--tlskey']);
const tlsSwitches = new Set(['--tls', '--tlsverify']);

/** As Go's strconv.ParseBool. */
function isTrue(flag: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new UsageError(`invalid argument "${value}" for "${flag}" flag: expected true or false`);
}
