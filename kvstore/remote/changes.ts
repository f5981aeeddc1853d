import type { Change, Entry, Write } from '../store.ts';

/** Key → version; the values would double what a folder takes in memory. */
export type Versions = ReadonlyMap<string, string>;

export function versionsIn(entries: Iterable<Entry>): Versions {
  return new Map(Array.from(entries, ({ key, version }) => [key, version]));
}

/** What made `after` of `before`, in commit order as far as the numbers of versions of what there still is can tell. */
export function changesBetween(before: Versions, after: readonly Entry[]): Change[] {
  const left = versionsIn(after);
  const deleted = [...before.keys()].filter((key) => !left.has(key));
  const puts = after.filter(({ key, version }) => before.get(key) !== version);
  return [
    ...deleted.map((key): Change => ({ op: 'delete', key })),
    ...puts.sort(byVersion).map((entry): Change => ({ op: 'put', entry })),
  ];
}

function byVersion(one: Entry, other: Entry): number {
  return Number(BigInt(one.version) - BigInt(other.version));
}

/** Of a commit that gives all that it puts one version. */
export function versionsOfCommit(writes: readonly Write[], version: string): Versions {
  return new Map(writes.flatMap(({ op, key }) => (op === 'put' ? [[key, version]] : [])));
}
