import type { NameKind, Takes } from '../flags/takes.ts';
import type { Name } from '../names.ts';
import type { Answer, Candidate } from './answer.ts';

/** Asks the daemon for names; one that fails or is slow has none. */
export type Names = (kind: NameKind) => Promise<readonly Name[]>;

/** What begins with `part` of what may stand here. */
export async function valuesFor(takes: Takes | undefined, part: string, names: Names): Promise<Answer> {
  if (takes === 'file') return { candidates: [], files: 'any' };
  if (takes === 'directory') return { candidates: [], files: 'directories' };
  const candidates = await offered(takes, part, names);
  return { candidates: candidates.filter(({ value }) => value.startsWith(part)) };
}

/** Completes the last value of a flag that takes several, separated by commas. */
export async function lastOf(takes: Takes | undefined, part: string, names: Names): Promise<Answer> {
  const before = part.slice(0, part.lastIndexOf(',') + 1);
  return inFront(before, await valuesFor(takes, part.slice(before.length), names));
}

async function offered(takes: Takes | undefined, part: string, names: Names): Promise<readonly Candidate[]> {
  if (takes === undefined) return [];
  if (takes === 'new-service') return await onNetworks(part, names);
  if (takes === 'file' || takes === 'directory') return [];
  if (typeof takes === 'string') return (await names(takes)).map(({ name, note }) => ({ value: name, note }));
  if (isWords(takes)) return takes.map((value) => ({ value, note: '' }));
  const [, key, value = ''] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
  if (key === undefined) return Object.keys(takes).map((name) => ({ value: `${name}=`, note: '' }));
  return inFront(`${key}=`, await valuesFor(takes[key], value, names)).candidates;
}

/** `Array.isArray` does not tell readonly arrays from records. */
function isWords(takes: Exclude<Takes, string>): takes is readonly string[] {
  return Array.isArray(takes);
}

/** A new service's name is the user's; the network behind its last dot exists. */
async function onNetworks(part: string, names: Names): Promise<readonly Candidate[]> {
  const dot = part.indexOf('.');
  if (dot < 0) return [];
  const networks = await names('network');
  return networks.map(({ name, note }) => ({ value: `${part.slice(0, dot)}.${name}`, note }));
}

function inFront(start: string, answer: Answer): Answer {
  return {
    ...answer,
    candidates: answer.candidates.map(({ value, note }) => ({ value: start + value, note })),
  };
}
