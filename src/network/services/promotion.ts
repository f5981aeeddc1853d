import { keys } from '../../cluster/keys.ts';
import type { Candidate, Network, Service } from '../../cluster/records.ts';
import { commitWithRetry } from '../../cluster/retry.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { NetworkContext } from '../context.ts';
import type { ServiceView } from '../model.ts';

/** Which candidate comes first from now on; undefined: the one that was attached first. @throws not-found */
export async function promote(
  { directory }: Pick<NetworkContext, 'directory'>,
  { id, name }: Service,
  network: Network,
  promoted: Service['promoted'],
): Promise<void> {
  const key = keys.service(network.id, name);
  await commitWithRetry(directory, network.scope, `promote a standby of ${name}`, async () => {
    const entry = directory.serviceEntry(network.id, name);
    if (entry?.record.id !== id)
      throw new FairleadError('not-found', `Service ${name} not found on network ${network.name}`);
    const { promoted: _, ...rest } = entry.record;
    const value = JSON.stringify({ ...rest, ...(promoted ? { promoted } : {}) });
    return {
      result: undefined,
      checks: [{ key, expect: 'version', version: entry.version }],
      writes: [{ op: 'put', key, value }],
    };
  });
}

/** By name, id or id prefix: it may be on any node. @throws invalid | conflict while it could not serve */
export function candidateNamed({ service, network, candidates }: ServiceView, ref: string): Candidate {
  const found =
    candidates.find(({ containerId, containerName }) => [containerId, containerName].includes(ref)) ??
    candidates.find(({ containerId }) => ref !== '' && containerId.startsWith(ref));
  const where = `service ${service.name}.${network.name}`;
  if (!found)
    throw new FairleadError(
      'invalid',
      `container ${ref} does not stand by for ${where}: attach it with --standby first`,
    );
  if (found.ready) return found;
  throw new FairleadError(
    'conflict',
    `container ${found.containerName} cannot take over ${where}: it is not healthy`,
  );
}
