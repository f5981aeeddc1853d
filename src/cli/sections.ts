import type { Group, Leaf } from './program.ts';

type Member = Leaf | Group;
type Members = Readonly<Record<string, Member>>;
export type Section = readonly [title: string, members: readonly (readonly [name: string, member: Member])[]];

/** The members of a group that has many, under titles of the help: each under one. */
export function sectioned(sections: Readonly<Record<string, Members>>): Pick<Group, 'members' | 'sections'> {
  const titles = Object.entries(sections).map(([title, members]) => [title, Object.keys(members)] as const);
  return {
    members: Object.assign({}, ...Object.values(sections)),
    sections: Object.fromEntries(titles),
  };
}

/** What the help lists: without second names. */
export function sectionsOf({ members, sections }: Group): readonly Section[] {
  const titles = sections ?? { Commands: Object.keys(members) };
  return Object.entries(titles).map(([title, names]) => [title, listed(members, names)]);
}

function listed(members: Members, names: readonly string[]): Section[1] {
  return names.flatMap((name) => {
    const member = members[name];
    return member?.summary === undefined ? [] : [[name, member] as const];
  });
}
