import { FairleadError } from '../../lib/errors.ts';
import { isFullId, shortId } from '../../lib/ids.ts';
import { parseName } from '../../lib/names.ts';
import type { Link } from '../records.ts';

/**
 * `--link CONTAINER[:ALIAS]`: a name of the same network under an alias that only the container sees which asked
 * for it. What the name stands for is looked up with every query, so it may come later, move or go.
 * @throws invalid, in the Engine's words
 */
export function parseLink(text: string): Link {
  if (text === '') throw new FairleadError('invalid', 'empty string specified for links');
  const [first = '', second = first, ...more] = text.split(':');
  if (more.length > 0) throw new FairleadError('invalid', `bad format for links: ${text}`);
  // What inspect shows of one on the default network: `/child:/parent/alias`.
  const shown = first.startsWith('/');
  const target = shown ? first.slice(1) : first;
  const alias = shown ? second.slice(second.lastIndexOf('/') + 1) : second;
  // A full id is one label of 64 characters, one too many for DNS.
  return { target: isFullId(target) ? shortId(target) : target, alias: parseName('link', alias) };
}

/** An Engine takes aliases that are no names in DNS. */
export function isLink(text: string): boolean {
  try {
    parseLink(text);
    return true;
  } catch {
    return false;
  }
}

/** The member of an endpoint's record. */
export function linksOf({ links = [] }: { readonly links?: readonly string[] }): { readonly links?: Link[] } {
  return links.length > 0 ? { links: links.map(parseLink) } : {};
}
