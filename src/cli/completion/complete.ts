import type { Command } from '../command.ts';
import { UsageError } from '../failure.ts';
import type { Flags } from '../flags/spec.ts';
import { toggle } from '../flags/spec.ts';
import { splitWords, type Words } from '../flags/words.ts';
import { spellings } from '../output/usage.ts';
import { find, type Group, isGroup } from '../program.ts';
import { sectionsOf } from '../sections.ts';
import { type Answer, type Candidate, nothing } from './answer.ts';
import { meanings, operandAt, operandsOf } from './operands.ts';
import { lastOf, type Names, valuesFor } from './values.ts';

/** Stands where the word is that is being typed; nobody can type it. */
const hole = '\0';

interface Typed {
  /** What is being typed, up to the cursor; of `--flag=part` the part. */
  readonly part: string;
  /** The words before it, and the hole. */
  readonly words: readonly string[];
  /** It begins with a dash, and is no `--flag=part`: a flag's name. */
  readonly isFlagName: boolean;
}

function readTyped(words: readonly string[]): Typed {
  const [before, last] = [words.slice(0, -1), words.at(-1) ?? ''];
  const [, flag, part] = /^(--?[^=]+)=(.*)$/s.exec(last) ?? [];
  if (flag !== undefined && part !== undefined)
    return { part, words: [...before, `${flag}=${hole}`], isFlagName: false };
  return { part: last, words: [...before, hole], isFlagName: last.startsWith('-') };
}

/**
 * What may stand in place of the last of the words, by the table of commands that also runs them: the line is read by the
 * same parser, with a hole where the cursor is.
 */
export async function complete(root: Group, words: readonly string[], names: Names): Promise<Answer> {
  const typed = readTyped(words);
  const globals = split(typed.words, root.flags ?? {}, false);
  if (globals === undefined) return nothing;
  const flag = flagAtHole(globals);
  if (flag !== undefined) return await flagValues(root.flags ?? {}, flag, typed.part, names);
  const [first, ...others] = globals.args;
  const { member, rest } = find('', root, first === 'help' ? others : globals.args);
  if (isGroup(member)) return rest.length === 1 ? membersOf(member, typed) : nothing;
  const { text } = await member.load();
  return await inCommand(text, rest, typed, names);
}

function split(words: readonly string[], flags: Flags, interspersed: boolean): Words | undefined {
  try {
    return splitWords(words, flags, interspersed);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return undefined;
  }
}

function flagAtHole({ flags }: Words): string | undefined {
  return flags.find(({ value }) => value === hole)?.name;
}

async function flagValues(flags: Flags, name: string, part: string, names: Names): Promise<Answer> {
  const flag = flags[name];
  return await (flag?.commas ? lastOf : valuesFor)(flag?.takes, part, names);
}

function membersOf(group: Group, { part, isFlagName }: Typed): Answer {
  if (isFlagName) return { candidates: flagsFor(group.flags ?? {}, part, new Set()) };
  const candidates = sectionsOf(group)
    .flatMap(([, members]) => members)
    .map(([value, { summary = '' }]) => ({ value, note: summary }));
  return { candidates: candidates.filter(({ value }) => value.startsWith(part.toLowerCase())) };
}

async function inCommand(
  { flags, synopsis, takes = {}, interspersed = true }: Command['text'],
  words: readonly string[],
  { part, isFlagName }: Typed,
  names: Names,
): Promise<Answer> {
  const read = split(words, flags, interspersed);
  if (read === undefined) return nothing;
  const flag = flagAtHole(read);
  if (flag !== undefined) return await flagValues(flags, flag, part, names);
  const index = read.args.indexOf(hole);
  const flagsAreOver = words.includes('--') || (!interspersed && index > 0);
  if (isFlagName && !flagsAreOver) {
    const given = read.flags.map(({ name }) => name);
    return { candidates: flagsFor(flags, part, new Set(given)) };
  }
  const word = operandAt(operandsOf(synopsis), index);
  if (word === undefined) return nothing;
  const answer = await valuesFor(takes[word] ?? meanings[word], part, names);
  return without(answer, read.args);
}

/** Nobody removes, stops or inspects the same thing twice. */
function without(answer: Answer, args: readonly string[]): Answer {
  return { ...answer, candidates: answer.candidates.filter(({ value }) => !args.includes(value)) };
}

/** Long names; short ones only where nothing but the dash is typed. A flag that counts once is offered once. */
function flagsFor(flags: Flags, part: string, given: ReadonlySet<string>): readonly Candidate[] {
  const all: Flags = { ...flags, help: toggle('Print usage') };
  const candidates = Object.entries(all)
    .filter(([name, flag]) => !flag.hidden && (flag.kind === 'list' || !given.has(name)))
    .flatMap(([name, flag]) => spellings(name, flag).map((value) => ({ value, note: flag.describe })));
  return candidates
    .filter(({ value }) => value.startsWith(part) && (part === '-' || value.length > 2 || value === part))
    .sort((a, b) => (a.value < b.value ? -1 : 1));
}
