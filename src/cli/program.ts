import type { Command, Context } from './command.ts';
import { complain } from './complain.ts';
import { isFailure, UsageError } from './failure.ts';
import type { Flags } from './flags/spec.ts';
import { styled, styleOf } from './output/style.ts';
import { groupHelp } from './output/usage.ts';
import { sectionsOf } from './sections.ts';
import type { Shell } from './shell.ts';

/** A command that is loaded when it is run. */
export interface Leaf {
  /** The line in the group's list; absent: a second name, not listed. */
  readonly summary?: string;
  readonly load: () => Promise<Command>;
}

/** The command that its module exports under `name`. */
export function leaf<Name extends string>(
  name: Name,
  summary: string,
  module: () => Promise<{ readonly [name in Name]: Command }>,
): Leaf {
  return { summary, load: async () => (await module())[name] };
}

/** Commands under one word: `network`, or the program itself. */
export interface Group {
  readonly summary?: string;
  /** What follows the path in the usage line. */
  readonly synopsis: string;
  /** Column of the summaries in the list. */
  readonly width: number;
  /** Only the program itself has flags and an introduction. */
  readonly flags?: Flags;
  readonly intro?: string;
  readonly members: Readonly<Record<string, Leaf | Group>>;
  /** Title in the help → names of members; absent: all are `Commands`. */
  readonly sections?: Readonly<Record<string, readonly string[]>>;
}

export interface Found {
  readonly path: string;
  readonly member: Leaf | Group;
  readonly rest: readonly string[];
}

export function isGroup(member: Leaf | Group): member is Group {
  return 'members' in member;
}

/** Follows the words as far as they name something; sub-command words are compared without case, as in 2015. */
export function find(path: string, group: Group, words: readonly string[]): Found {
  const [word, ...rest] = words;
  const member = word === undefined ? undefined : lookupMember(group, word.toLowerCase());
  if (word === undefined || !member) return { path, member: group, rest: words };
  const inner = `${path} ${word.toLowerCase()}`;
  return isGroup(member) ? find(inner, member, rest) : { path: inner, member, rest };
}

function lookupMember(group: Group, word: string): Leaf | Group | undefined {
  return Object.hasOwn(group.members, word) ? group.members[word] : undefined;
}

/** Runs what the words name. @returns the exit code */
export async function dispatch(group: Group, words: readonly string[], context: Context): Promise<number> {
  const found = find(context.path, group, words);
  const [word, ...rest] = found.rest;
  if (isGroup(found.member) && word?.toLowerCase() === 'help') {
    return dispatch(found.member, [...rest, '--help'], { ...context, path: found.path });
  }
  try {
    if (isGroup(found.member)) return openGroup(found.member, found, context);
    return await runLeaf(found.member, found, context);
  } catch (error) {
    if (!isFailure(error)) throw error;
    if (error.message) await complain(error, { ...context, path: found.path });
    return error.exitCode;
  }
}

/** Without a command the help goes to stderr with exit 0, as today's Docker does it. */
function openGroup(group: Group, { path, rest }: Found, { shell }: Context): number {
  const [word] = rest;
  const write = (stream: Shell['stdout']) =>
    stream.write(styled(groupHelp(path, group, styleOf(stream, shell))));
  if (word === undefined) write(shell.stderr);
  else if (isHelp(word)) write(shell.stdout);
  else throw unknownWord(group, path, word);
  return 0;
}

function unknownWord(group: Group, path: string, word: string): UsageError {
  if (word.startsWith('-')) return new UsageError(`unknown flag: ${word}`);
  const known = sectionsOf(group).flatMap(([, members]) => members.map(([name]) => name));
  return new UsageError(`unknown command: ${path} ${word}`, { unknown: { word, known } });
}

async function runLeaf(leaf: Leaf, { path, rest }: Found, context: Context): Promise<number> {
  const loaded = await leaf.load();
  return loaded.execute(rest, { ...context, path });
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}
