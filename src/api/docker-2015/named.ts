import type { Network } from '../../cluster/records.ts';
import { FairleadError } from '../../lib/errors.ts';
import { isFullId } from '../../lib/ids.ts';
import { byIdOrName } from '../../lib/lookup.ts';
import type { Model } from '../../network/model.ts';

/** By name only, or full id: a query of 2015 that names a network. */
export function networkNamed({ networks }: Model, name: string): Network | undefined {
  return byIdOrName(name, networks.list());
}

/** Ids in paths are complete (docker-facts 2). @throws not-found */
export function networkById({ networks }: Model, id: string): Network {
  const network = isFullId(id) ? networks.list().find((candidate) => candidate.id === id) : undefined;
  if (!network) throw new FairleadError('not-found', 'Resource not found: Network');
  return network;
}
