import { FairleadError } from './errors.ts';
import { shortId } from './ids.ts';
import { foldCase } from './names.ts';

export interface Named {
  readonly id: string;
  readonly name: string;
}

/**
 * Finds one object by what a person typed: full id, then name (without case), then id prefix, as the
 * Engine does (docker-facts 5.1).
 * @throws not-found, or invalid with the candidates when a prefix fits several
 */
export function lookup<T extends Named>(what: string, ref: string, objects: readonly T[]): T {
  const exact = byIdOrName(ref, objects);
  if (exact) return exact;
  const candidates = ref === '' ? [] : objects.filter((object) => object.id.startsWith(ref));
  const [only, ...others] = candidates;
  if (!only) throw new FairleadError('not-found', `${what} ${ref} not found`);
  if (others.length === 0) return only;
  const list = candidates.map((object) => `${shortId(object.id)} (${object.name})`).join(', ');
  throw new FairleadError(
    'invalid',
    `${what} ${ref} is ambiguous (${candidates.length} matches found based on ID prefix): ${list}`,
  );
}

/** Full id, then name: what is named like another's id does not hide it. */
export function byIdOrName<T extends Named>(ref: string, objects: readonly T[]): T | undefined {
  const folded = foldCase(ref);
  return (
    objects.find((object) => object.id === ref) ?? objects.find((object) => foldCase(object.name) === folded)
  );
}
