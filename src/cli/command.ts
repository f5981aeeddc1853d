import type { Client } from './client/client.ts';
import { DaemonError, UsageError } from './failure.ts';
import { parseWords } from './flags/parse.ts';
import { type Flag, type Flags, type FlagValues, toggle } from './flags/spec.ts';
import type { Takes } from './flags/takes.ts';
import { styled, styleOf } from './output/style.ts';
import { commandHelp } from './output/usage.ts';
import type { Shell } from './shell.ts';

/** What a command is run with. */
export interface Invocation<F extends Flags> {
  readonly shell: Shell;
  readonly client: Client;
  readonly flags: FlagValues<F>;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  /** The full command: `docker network create`. */
  readonly path: string;
}

export interface CommandSpec<F extends Flags> {
  /** What follows `[OPTIONS]` in the usage line. */
  readonly synopsis: string;
  readonly description: string;
  readonly flags: F;
  /** How many arguments: `[1, 1]`, `[1]` for one or more, `[0]` for any. */
  readonly args: readonly [least: number, most?: number];
  /** What the words of the synopsis stand for, where it is not what they say (src/cli/completion/operands.ts). */
  readonly takes?: Readonly<Record<string, Takes>>;
  /** False ends the flags at the first argument (`run IMAGE …`). */
  readonly interspersed?: boolean;
  /** Resolves with the exit code; nothing: 0. */
  run(invocation: Invocation<F>): Promise<void> | Promise<number | undefined>;
}

/** A command whose flags' types are its own business. */
export interface Command {
  readonly text: Pick<CommandSpec<Flags>, 'synopsis' | 'description' | 'flags' | 'takes' | 'interspersed'>;
  execute(words: readonly string[], context: Context): Promise<number>;
}

export type Context = Pick<Invocation<Flags>, 'shell' | 'client' | 'path'>;

export function command<const F extends Flags>(spec: CommandSpec<F>): Command {
  return {
    text: spec,
    async execute(words, context) {
      const known = { ...helpFlagFor(spec.flags), ...spec.flags };
      const parsed = await parseWords(words, known, spec.interspersed ?? true);
      if (parsed.given.has('help')) {
        const { stdout } = context.shell;
        stdout.write(styled(commandHelp(context.path, spec, styleOf(stdout, context.shell))));
        return 0;
      }
      checkCount(context.path, parsed.args.length, spec.args);
      try {
        return (await spec.run({ ...context, ...parsed })) ?? 0;
      } catch (error) {
        throw knowingFilters(error, spec.flags.filter);
      }
    },
  };
}

/** The daemon names the key that it does not know (docker-facts 5.2); which there are is the flag's to say. */
function knowingFilters(error: unknown, flag: Flag | undefined): unknown {
  const known = flag?.takes;
  if (!(error instanceof DaemonError) || typeof known !== 'object' || Array.isArray(known)) return error;
  const [, word] = /^invalid filter '([^'=]+)'$/i.exec(error.reason) ?? [];
  if (word === undefined) return error;
  return new DaemonError(error.status, error.reason, { word, known: Object.keys(known) });
}

/** `-h` means help unless the command has another use for it (`run -h HOSTNAME`). */
function helpFlagFor(flags: Flags): Flags {
  const taken = Object.values(flags).some((flag) => flag.short === 'h');
  return { help: toggle('Print usage', taken ? {} : { short: 'h' }) };
}

/** Today's Docker words for a wrong number of arguments (docker-facts 6.2). */
function checkCount(
  path: string,
  count: number,
  [least, most = Number.POSITIVE_INFINITY]: readonly [number, number?],
) {
  if (count >= least && count <= most) return;
  throw new UsageError(`'${path}' ${expectation(least, most)}`);
}

function expectation(least: number, most: number): string {
  const plural = (count: number) => `${count} argument${count === 1 ? '' : 's'}`;
  if (most === 0) return 'accepts no arguments';
  if (least === most) return `requires ${plural(least)}`;
  if (most === Number.POSITIVE_INFINITY) return `requires at least ${plural(least)}`;
  return `requires at least ${least} and at most ${plural(most)}`;
}
