import type { Client } from '../../client/client.ts';
import { Failure } from '../../failure.ts';
import type { DokkuLog } from '../../output/dokku-log.ts';
import { readLine } from '../../output/prompt.ts';
import type { Shell } from '../../shell.ts';

/** What a Dokku command is run with. */
export interface DokkuCall {
  readonly args: readonly string[];
  readonly force: boolean;
  readonly client: Client;
  readonly log: DokkuLog;
  readonly shell: Shell;
}

/** Resolves with the exit code; nothing: 0. */
export type DokkuCommand = (call: DokkuCall) => Promise<void> | Promise<number>;

export interface Options {
  /** Names of the switches that were given, without dashes. */
  readonly switches: ReadonlySet<string>;
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** Words that are no options. */
  readonly words: readonly string[];
}

/**
 * Takes options off a command's words, wherever they stand; after `--` all are words. `valued` may be written
 * `--name VALUE` or `--name=VALUE`, and repeated.
 * @throws Failure for an option that is not known
 */
export function takeOptions(
  args: readonly string[],
  known: { readonly switches?: readonly string[]; readonly valued?: readonly string[] },
): Options {
  const { switches = [], valued = [] } = known;
  const given = { switches: new Set<string>(), values: new Map<string, string[]>(), words: [] as string[] };
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? '';
    if (word === '--') {
      given.words.push(...args.slice(index + 1));
      break;
    }
    const [, name = '', inline] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (switches.includes(name)) given.switches.add(name);
    else if (valued.includes(name)) {
      const value = inline ?? args[++index];
      if (value === undefined) throw new Failure(`flag needs an argument: --${name}`);
      given.values.set(name, [...(given.values.get(name) ?? []), value]);
    } else if (word.startsWith('--')) throw unknownFlag(word, [...switches, ...valued]);
    else given.words.push(word);
  }
  return { ...given, values: Object.fromEntries(given.values) };
}

function unknownFlag(word: string, names: readonly string[]): Failure {
  const [flag = ''] = word.split('=');
  const known = names.map((name) => `--${name}`);
  return new Failure(`unknown flag: ${flag}`, 1, { unknown: { word: flag, known } });
}

/** @throws Failure, in Dokku's words */
export function appNamed(name: string | undefined): string {
  if (!name) throw new Failure('Please specify an app to run the command on');
  return name;
}

/** The path of an app's routes; `--global` stands for all of them. */
export function pathOf(app: string, rest = ''): string {
  return `/apps/${encodeURIComponent(app)}${rest}`;
}

/** Has the name typed before something goes that cannot come back. @throws Failure when it is another */
export async function confirm({ log, shell, force }: DokkuCall, what: string, name: string): Promise<void> {
  if (force) return;
  log.warn('WARNING: Potentially Destructive Action');
  log.warn(`This command will destroy ${what} ${name}.`);
  log.warn(`To proceed, type "${name}"`);
  shell.stderr.write('> ');
  const typed = await readLine(shell);
  if (typed?.trim() !== name) throw new Failure(`Confirmation did not match ${name}. Aborted.`);
}
