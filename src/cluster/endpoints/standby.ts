import type { Candidate, Service } from '../records.ts';

/**
 * Whose turn it is to have an exclusive service. All nodes come to the same answer from the same records; where they
 * see different ones, two may try at once, and the store lets one of them have the endpoint.
 */

type Ordered = Pick<Candidate, 'containerId' | 'order' | 'ready'>;

/** The first in line first, whether it could serve now or not. */
export function inOrder<T extends Ordered>(
  { promoted }: Pick<Service, 'promoted'>,
  all: readonly T[],
): readonly T[] {
  const rank = ({ containerId, order }: Ordered) => (containerId === promoted?.containerId ? -1 : order);
  return all.toSorted((a, b) => rank(a) - rank(b) || (a.containerId < b.containerId ? -1 : 1));
}

/** Those that could serve now, the first in line first. */
export function inLine<T extends Ordered>(
  service: Pick<Service, 'promoted'>,
  all: readonly T[],
): readonly T[] {
  return inOrder(service, all).filter(({ ready }) => ready);
}

/** How many come before the candidate; undefined: it could not serve now. */
export function rankOf(
  service: Pick<Service, 'promoted'>,
  all: readonly Ordered[],
  containerId: string,
): number | undefined {
  const at = inLine(service, all).findIndex((one) => one.containerId === containerId);
  return at < 0 ? undefined : at;
}

/** Why the holder lets another have the service; undefined: it keeps it. */
export function reasonToYield(
  service: Pick<Service, 'promoted'>,
  all: readonly Ordered[],
  holderId: string,
): 'unhealthy' | 'promoted' | undefined {
  const others = inLine(service, all).filter(({ containerId }) => containerId !== holderId);
  if (others.length === 0) return undefined;
  const holder = all.find(({ containerId }) => containerId === holderId);
  if (holder?.ready === false) return 'unhealthy';
  return others[0]?.containerId === service.promoted?.containerId ? 'promoted' : undefined;
}

/** Behind all others. */
export function nextOrder(all: readonly Ordered[]): number {
  return all.reduce((last, { order }) => Math.max(last, order), 0) + 1;
}
