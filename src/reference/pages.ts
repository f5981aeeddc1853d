import type { Command } from '../cli/command.ts';
import { program } from '../cli/commands/program.ts';
import { type Group, isGroup, type Leaf } from '../cli/program.ts';
import { sectionsOf } from '../cli/sections.ts';
import { daemon } from '../daemon/command.ts';
import { fake } from '../testing/command.ts';

/** A command as every reference shows it: the man pages, and docs/cli.md. */
export interface Documented {
  /** Without the program: `network create`. */
  readonly path: string;
  readonly summary: string;
  readonly text: Command['text'];
}

/** Commands that are explained together: a group, or a single command. */
export interface Page {
  /** `network`; of the man page `fairlead-network`. */
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Documented[];
}

/** The table that also runs them, and completes them. */
export const root: Group = program({ loadDaemon: async () => daemon, loadFake: async () => fake });

/** One for each word that may stand behind `fairlead`, except those of the group `container` that may, too. */
export async function pages(): Promise<readonly Page[]> {
  const members = sectionsOf(root).flatMap(([, list]) => list);
  const isShort = ([name, member]: (typeof members)[number]) =>
    !isGroup(member) && name !== 'inspect' && Object.hasOwn(membersOf('container'), shortFor(name));
  return await Promise.all(
    members.filter((member) => !isShort(member)).map(([name, member]) => pageOf(name, member)),
  );
}

function membersOf(name: string): Group['members'] {
  const group = root.members[name];
  return group && isGroup(group) ? group.members : {};
}

/** `fairlead ps` is `fairlead container ls`. */
function shortFor(name: string): string {
  return name === 'ps' ? 'ls' : name;
}

async function pageOf(name: string, member: Leaf | Group): Promise<Page> {
  const { summary = '' } = member;
  if (!isGroup(member)) return { name, summary, commands: [await documented(name, member)] };
  const leaves = sectionsOf(member).flatMap(([, list]) => list);
  const commands = leaves.map(([inner, leaf]) =>
    isGroup(leaf) ? undefined : documented(`${name} ${inner}`, leaf),
  );
  return { name, summary, commands: await Promise.all(commands.filter((one) => one !== undefined)) };
}

async function documented(path: string, leaf: Leaf): Promise<Documented> {
  return { path, summary: leaf.summary ?? '', text: (await leaf.load()).text };
}
