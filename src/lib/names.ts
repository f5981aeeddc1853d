import { FairleadError } from './errors.ts';

/** RFC 1035 section 2.3.4: a label has at most 63 octets, a name 255 on the wire (253 as text). */
const maxLabel = 63;
const maxName = 253;

/** What a NetworkName, ServiceName or alias may look like: it must be usable as a DNS name. */
const pattern = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

export type NameOf = 'network' | 'service' | 'container' | 'alias' | 'link';

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

/** Names are compared without case (RFC 4343). */
export function foldCase(name: string): string {
  return name.toLowerCase();
}
