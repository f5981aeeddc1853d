/** What a command line of `docker` asks for, as far as the choice between us and the real one needs it. */
export interface DockerCall {
  /** Of -H; empty when it was not given. */
  readonly host: string;
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
  const { globals, words, host } = splitGlobals(argv);
  const isDaemonFlag = daemonAt >= 0 && daemonAt < globals;
  if (isDaemonFlag) return { host, daemon: true, words: argv.filter((_word, index) => index !== daemonAt) };
  const [command = '', ...rest] = words;
  if (command === 'daemon') return { host, daemon: true, words: [...argv.slice(0, globals), ...rest] };
  // `docker help network` is `docker network --help`.
  if (command === 'help' && rest.length > 0) return { host, daemon: false, words: [...rest, '--help'] };
  return { host, daemon: false, words };
}

/** Everything before the first word that is neither a flag nor a flag's value. */
function splitGlobals(argv: readonly string[]) {
  let host = '';
  let index = 0;
  for (; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (!word.startsWith('-')) break;
    const [name = '', value] = word.split(/=(.*)/s);
    const attached = /^-H(.+)$/.exec(word)?.[1]?.replace(/^=/, '');
    if (name === '-H' || name === '--host') host = value ?? argv[index + 1] ?? '';
    else if (attached !== undefined) host = attached;
    if (withValue.has(word)) index += 1;
  }
  return { globals: index, words: argv.slice(index), host };
}
