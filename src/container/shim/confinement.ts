import type { ProgramSpec } from './protocol.ts';

/**
 * Programs that execute one another in one and the same process, the last being the one that was asked for: so pid,
 * signals and exit code are its own. Node can set neither capabilities nor limits.
 * Limits come first, since raising one takes a capability that is gone afterwards.
 */
export interface Chain {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Command lines, as /proc shows them, of all but the last. */
  readonly stages: readonly string[];
  /** How what they say of their own failures begins. */
  readonly complaints: readonly string[];
}

/** Argument 0 of the first one, which it begins its messages with: no program can be taken for it. */
export const firstName = 'fairlead-start';

/**
 * By these a library or the C library reads files or takes orders (ld.so(8)). A file below a path that the container's
 * user may write must not be read by a program that still has all capabilities: they are set at the very end.
 */
const readByLibraries =
  /^(LD_|GLIBC_TUNABLES$|MALLOC_|GCONV_PATH$|LOCPATH$|NLSPATH$|LANGUAGE$|TZDIR$|HOSTALIASES$|RES_OPTIONS$|LOCALDOMAIN$|GETCONF_DIR$|TMPDIR$)/;

export function chainOf({ command, env, user, confinement }: ProgramSpec): Chain {
  const { tools, ulimits } = confinement;
  const late = Object.entries(env).filter(([name]) => readByLibraries.test(name));
  const [name = '', ...args] = command;
  const inner = late.length === 0 ? [name, ...args] : [tools.env, ...late.map(pair), name, ...args];
  const confined = [tools.setpriv, ...privileges(user, confinement), '--', ...inner];
  const argv = ulimits.length === 0 ? confined : [tools.prlimit, ...ulimits.map(limit), '--', ...confined];
  const [program = '', ...rest] = argv;
  const lines = [[firstName, ...rest], ...(ulimits.length === 0 ? [] : [confined])];
  return {
    argv: [program, ...rest],
    env: Object.fromEntries(Object.entries(env).filter(([key]) => !readByLibraries.test(key))),
    stages: [...lines, ...(late.length === 0 ? [] : [inner])].map((line) => `${line.join('\0')}\0`),
    complaints: [
      firstName,
      ...(ulimits.length === 0 ? [] : [tools.setpriv]),
      ...(late.length === 0 ? [] : [tools.env]),
    ],
  };
}

/** As the Engine: nothing inherited, nothing ambient, so that a user other than root has no capability at all. */
function privileges(
  user: ProgramSpec['user'],
  { capabilities, noNewPrivileges }: ProgramSpec['confinement'],
) {
  const groups = user.groups.length === 0 ? '--clear-groups' : `--groups=${user.groups.join(',')}`;
  const bounds = capabilities && ['-all', ...capabilities.map((each) => `+${each}`)].join(',');
  return [
    ...[`--reuid=${user.uid}`, `--regid=${user.gid}`, groups, '--inh-caps=-all', '--ambient-caps=-all'],
    ...(bounds === undefined ? [] : [`--bounding-set=${bounds}`]),
    ...(noNewPrivileges ? ['--no-new-privs'] : []),
  ];
}

function limit({
  name,
  soft,
  hard,
}: {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}): string {
  const text = (value: number) => (value === -1 ? 'unlimited' : String(value));
  return `--${name}=${text(soft)}:${text(hard)}`;
}

function pair([name, value]: readonly [string, string]): string {
  return `${name}=${value}`;
}
