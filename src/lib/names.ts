import { FairleadError } from './errors.ts';
import { shortId } from './ids.ts';
import { hasControl } from './plain-text.ts';

/** RFC 1035 section 2.3.4: a label has at most 63 octets, a name 255 on the wire (253 as text). */
const maxLabel = 63;
const maxName = 253;

/** What the name of a service or an alias may look like: it must be usable as a DNS name. */
const pattern = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

export type NameOf = 'service' | 'alias' | 'link';

/**
 * Checks a name that DNS will answer for and returns it unchanged.
 * @throws invalid, naming the rule that it breaks
 */
export function parseName(what: NameOf, text: string): string {
  // An alias may be a wildcard (RFC 4592): its first label is an asterisk.
  const problem = nameProblem(what === 'alias' ? text.replace(/^\*\./, '') : text);
  if (problem) throw new FairleadError('invalid', `invalid ${what} name "${text}": ${problem}`);
  return text;
}

/** In octets: one that takes thrice as many in a URL must still fit there. */
const maxObjectName = 1024;

/**
 * Checks the name of a network. As the Engine's it need not be one that DNS can have (docs/dns.md says how such a
 * network's names end), but it is shown and written in lines, so it has no control characters.
 * @throws invalid, where it is empty in the Engine's words
 */
export function parseNetworkName(text: string): string {
  if (text.trim() === '') throw new FairleadError('invalid', 'invalid name: name is empty');
  if (hasControl(text) || /\p{Surrogate}/u.test(text)) {
    throw new FairleadError(
      'invalid',
      `invalid network name ${JSON.stringify(text)}: it has a control character`,
    );
  }
  return withinLimit('network', text);
}

/**
 * Checks a container's name by the Engine's rule (moby daemon/names): at least two characters. One whose label is
 * too long for DNS is a name all the same, which nobody can look up.
 * @throws invalid
 */
export function parseContainerName(text: string): string {
  // Old clients send the name with the slash that inspect shows in front of it.
  const name = text.startsWith('/') ? text.slice(1) : text;
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return withinLimit('container', name);
  const rule = 'only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed';
  throw new FairleadError('invalid', `Invalid container name (${text}), ${rule}`);
}

function withinLimit(what: string, text: string): string {
  if (Buffer.byteLength(text) <= maxObjectName) return text;
  throw new FairleadError(
    'invalid',
    `invalid ${what} name "${text.slice(0, 12)}…": it is longer than ${maxObjectName} octets`,
  );
}

/** Why DNS cannot have a network's name, and how names on it end instead; empty where it can. */
export function dnsWarning({ id, name }: { readonly id: string; readonly name: string }): string {
  const problem = nameProblem(name);
  if (!problem) return '';
  return `network name "${name}" cannot be in DNS (${problem}): names on it resolve alone, or with .${shortId(id)}`;
}

/** Whether DNS can have it. */
export function isName(text: string): boolean {
  return nameProblem(text) === undefined;
}

function nameProblem(text: string): string | undefined {
  if (text.trim() === '') return 'it is empty';
  const long = text.split('.').find((label) => Buffer.byteLength(label) > maxLabel);
  if (long !== undefined) return `the label "${long.slice(0, 12)}…" is longer than ${maxLabel} characters`;
  if (text.length > maxName) return `it is longer than ${maxName} characters`;
  if (text.includes('..')) return 'it has an empty label';
  if (!pattern.test(text))
    return 'use letters, digits, "_", "-" and ".", beginning and ending with a letter or digit';
  return undefined;
}

/** Names are compared without case (RFC 4343), which only ASCII's letters have there. */
export function foldCase(name: string): string {
  return isAscii(name) ? name.toLowerCase() : name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function isAscii(text: string): boolean {
  return /^\p{ASCII}*$/u.test(text);
}
