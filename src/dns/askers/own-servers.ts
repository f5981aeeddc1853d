import type { NameTable } from '../names/name-table.ts';
import type { View } from '../names/view.ts';
import { isOnSubnetOf, type Zone } from '../names/zone.ts';
import { isLoopback } from './host-addresses.ts';
import { parseServer, type Upstream } from './resolv-conf.ts';

/** A container as far as its own servers are reached from it. */
export interface OwnServersAsker {
  readonly view: Pick<View, 'zones' | 'hasWayOut'>;
  readonly servers: readonly string[];
  /** Its address on the network that it asks from. */
  readonly address: () => string | undefined;
}

/**
 * A container's own servers, in their order, as far as it could ask them itself: those on its networks, even internal
 * ones, and with a way out those beyond. Never one on another network, which its containers are kept apart from: we ask
 * from the host, and must be no way around that. A loopback address is the container's own, not the host's.
 */
export function ownServers(
  { view, servers, address }: OwnServersAsker,
  table: NameTable,
): readonly Upstream[] {
  const located = servers.flatMap((text) => (isLoopback(text) ? (address() ?? []) : text));
  const all = [...table.zones()];
  return [...new Set(located)].filter((text) => mayAsk(text, view, all)).map((text) => parseServer(text));
}

function mayAsk(address: string, view: OwnServersAsker['view'], all: readonly Zone[]): boolean {
  if (view.zones.some((zone) => isOnSubnetOf(zone, address))) return true;
  return view.hasWayOut && !all.some((zone) => isOnSubnetOf(zone, address));
}
