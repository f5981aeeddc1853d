import type { Container } from '../../container/runtime.ts';
import { FairleadError, isKind } from '../../lib/errors.ts';
import { lookup } from '../../lib/lookup.ts';

/** By id, name (with the slash that inspect shows, or without) or id prefix. @throws not-found | invalid, in the Engine's words */
export function findContainer(ref: string, containers: readonly Container[]): Container {
  if (ref === '') throw new FairleadError('invalid', 'invalid name or ID supplied: ""');
  try {
    return lookup('container', ref.replace(/^\//, ''), containers);
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
    throw new FairleadError('not-found', `No such container: ${ref}`, { cause: error });
  }
}
