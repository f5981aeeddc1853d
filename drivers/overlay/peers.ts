import type { Endpoint } from '../../src/cluster/records.ts';
import type { TunnelChanges, TunnelEntries } from '../../src/dataplane/tunnels.ts';
import { macFor, withoutPrefix } from '../../src/lib/addresses.ts';
import type { Peer } from '../driver.ts';

/** The MAC that an endpoint has on an overlay: every node must know it without asking. */
export function macOf(endpoint: Pick<Endpoint, 'mac' | 'ipv4' | 'ipv6'>): string | undefined {
  const address = endpoint.ipv4 ?? endpoint.ipv6;
  return (endpoint.mac ?? (address && macFor(withoutPrefix(address))))?.toLowerCase();
}

/**
 * What the tunnel must hold for these endpoints. Where two claim one MAC or address (by hand, or while a
 * record is on its way) the younger has it, on every node alike.
 */
export function entriesFor(peers: readonly Peer[]): TunnelEntries {
  const forwarding = new Map<string, string>();
  const neighbours = new Map<string, string>();
  for (const { endpoint, via } of peers.toSorted(byAge)) {
    const mac = macOf(endpoint);
    if (mac === undefined) continue;
    forwarding.set(mac, via);
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
      if (cidr !== undefined) neighbours.set(withoutPrefix(cidr), mac);
    }
  }
  return {
    bridged: [...forwarding.keys()],
    forwarding: [...forwarding].map(([mac, via]) => ({ mac, via })),
    neighbours: [...neighbours].map(([address, mac]) => ({ address, mac })),
  };
}

/** What brings the tunnel from what it holds to what it must hold; entries that are right are not named. */
export function diffEntries(present: TunnelEntries, wanted: TunnelEntries): TunnelChanges {
  const bridged = diff(present.bridged, wanted.bridged, same, same);
  const forwarding = diff(
    present.forwarding,
    wanted.forwarding,
    ({ mac }) => mac,
    ({ via }) => via,
  );
  const neighbours = diff(
    present.neighbours,
    wanted.neighbours,
    ({ address }) => address,
    ({ mac }) => mac,
  );
  return {
    set: { bridged: bridged.set, forwarding: forwarding.set, neighbours: neighbours.set },
    remove: { bridged: bridged.remove, forwarding: forwarding.remove, neighbours: neighbours.remove },
  };
}

/** What a tunnel holds after the changes: setting replaces all of a key, removing takes all of it away. */
export function applyChanges(entries: TunnelEntries, { set, remove }: TunnelChanges): TunnelEntries {
  return {
    bridged: merge(entries.bridged, set.bridged, remove.bridged, same),
    forwarding: merge(entries.forwarding, set.forwarding, remove.forwarding, ({ mac }) => mac),
    neighbours: merge(entries.neighbours, set.neighbours, remove.neighbours, ({ address }) => address),
  };
}

/** The changes without the removals, but for those of entries that lead away from these endpoints of this node. */
export function sparing({ set, remove }: TunnelChanges, own: readonly Endpoint[]): TunnelChanges {
  const macs = new Set(own.map(macOf));
  const addresses = new Set(
    own.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].map((cidr) => cidr && withoutPrefix(cidr))),
  );
  return {
    set,
    remove: {
      bridged: remove.bridged.filter((mac) => macs.has(mac)),
      forwarding: remove.forwarding.filter((mac) => macs.has(mac)),
      neighbours: remove.neighbours.filter((address) => addresses.has(address)),
    },
  };
}

export function isEmpty({ set, remove }: TunnelChanges): boolean {
  const lists = [set.bridged, set.forwarding, set.neighbours, ...Object.values(remove)];
  return lists.every(({ length }) => length === 0);
}

/** A key that is present with several values, which nobody wants, is set again and so comes down to one. */
function diff<T>(
  present: readonly T[],
  wanted: readonly T[],
  keyOf: (entry: T) => string,
  held: (entry: T) => string,
): { readonly set: readonly T[]; readonly remove: readonly string[] } {
  const values = new Map<string, string | undefined>();
  for (const entry of present) {
    const key = keyOf(entry);
    values.set(key, values.has(key) && values.get(key) !== held(entry) ? undefined : held(entry));
  }
  const keys = new Set(wanted.map(keyOf));
  return {
    set: wanted.filter((entry) => values.get(keyOf(entry)) !== held(entry)),
    remove: [...values.keys()].filter((key) => !keys.has(key)),
  };
}

function merge<T>(
  present: readonly T[],
  set: readonly T[],
  removed: readonly string[],
  keyOf: (entry: T) => string,
): readonly T[] {
  const gone = new Set([...set.map(keyOf), ...removed]);
  return [...present.filter((entry) => !gone.has(keyOf(entry))), ...set];
}

const same = (mac: string) => mac;

function byAge({ endpoint: a }: Peer, { endpoint: b }: Peer): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
