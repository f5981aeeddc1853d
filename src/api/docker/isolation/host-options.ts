import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { FairleadError } from '../../../lib/errors.ts';
import { hostConfigDefaults, withoutUnset } from '../containers/host-config.ts';
import { hostOptions } from './handling.ts';

const members = z.record(z.string(), z.unknown()).catch({});
const byFoldedName = new Map(Object.keys(hostOptions).map((name) => [name.toLowerCase(), name]));

/** Maps: a client may send a member that is called like one of every object. */
const options = new Map(Object.entries(hostOptions));
const defaults = new Map(Object.entries(hostConfigDefaults));

/** A warning does not depend on the order in which a client sends the members. */
const order = new Map(Object.keys(hostOptions).map((name, index) => [name, index]));

/**
 * What is to be said of the members of a HostConfig as it was sent, or of an update. Go reads names without case.
 * Where nothing is `enforced`, as of containers that are records, nothing is refused.
 * @throws unsupported for the first that is refused, with the option's name and why
 */
export function hostOptionWarnings(sent: unknown, enforced = true): readonly string[] {
  const named = Object.entries(members.parse(sent)).map(
    ([name, value]) => [byFoldedName.get(name.toLowerCase()) ?? name, value] as const,
  );
  const rank = (name: string) => order.get(name) ?? order.size;
  const given = Object.entries(withoutUnset(Object.fromEntries(named)))
    .filter((entry) => isGiven(...entry))
    .sort(([a], [b]) => rank(a) - rank(b));
  const limits: string[] = [];
  const warnings: string[] = [];
  for (const [name, value] of given) {
    const handling = options.get(name);
    if (!handling) warnings.push(`HostConfig.${name} is not known, and is discarded.`);
    else if (handling.does === 'refused' && enforced) refuseUnless(handling, value);
    else if (handling.does === 'warned' && handling.why) warnings.push(`${name}: ${handling.why}.`);
    else if (handling.does === 'warned') limits.push(name);
  }
  // A limit that is not kept must not be taken for one.
  const discarded = limits.length === 0 ? [] : [`Resources are not limited: ${limits.join(', ')} discarded.`];
  return [...discarded, ...warnings];
}

function refuseUnless(
  {
    option,
    why,
    but = [],
  }: { readonly option: string; readonly why: string; readonly but?: readonly unknown[] },
  value: unknown,
): void {
  if (but.includes(value)) return;
  throw refusal(typeof value === 'string' ? `${option} ${value}` : option, why);
}

/** The message of every refused option. */
export function refusal(option: string, why: string): FairleadError {
  return new FairleadError('unsupported', `${option} is refused: ${why}`);
}

/** Not what a container has anyway; -1 is no limit. */
function isGiven(name: string, value: unknown): boolean {
  if (isDeepStrictEqual(value, defaults.get(name)) || value === -1) return false;
  // An empty list has a meaning here: nothing is hidden.
  if (name === 'MaskedPaths' || name === 'ReadonlyPaths') return true;
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
