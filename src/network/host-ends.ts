import type { Network } from '../cluster/records.ts';
import type { Membership } from '../container/runtime.ts';
import type { HostEnd } from '../dataplane/dataplane.ts';
import { familyOf } from '../lib/addresses.ts';
import { driverOf, type Parts } from './parts.ts';

/** What the interfaces that this host has made for containers may send, as their records tell. */
export function hostEnds(parts: Parts): readonly HostEnd[] {
  return parts.engine ? lentEnds(parts) : pluggedEnds(parts);
}

function pluggedEnds(parts: Parts): readonly HostEnd[] {
  const { runtime, directory } = parts;
  const running = runtime.list().filter(({ state }) => state.status === 'running');
  return running.flatMap(({ id, memberships }) =>
    memberships.flatMap((membership) => {
      const { joined } = membership;
      const network = directory.network(membership.network);
      if (!network || joined?.source?.kind !== 'veth') return [];
      const { mac, source } = joined;
      const addresses = addressesOf(joined, membership);
      const { hostName } = source;
      return endOn(parts, network, { hostName, sandbox: runtime.sandboxOf(id), mac, addresses });
    }),
  );
}

function lentEnds(parts: Parts): readonly HostEnd[] {
  const links = [...(parts.engine?.links.endpoints().values() ?? [])];
  return links.flatMap(({ networkId, hostName, sandboxKey, mac, ipv4, ipv6 }) => {
    const network = parts.directory.network(networkId);
    if (!network || !hostName) return [];
    const addresses = addressesOf({ ipv4, ipv6 });
    return endOn(parts, network, { hostName, sandbox: sandboxKey ?? hostName, mac, addresses });
  });
}

/** None where its network lets containers send what they like, or where it has no address that it could be held to. */
export function endOn(
  parts: Parts,
  network: Network,
  { mac, ...end }: Omit<HostEnd, 'mac'> & { readonly mac: string | undefined },
): readonly HostEnd[] {
  if (mac === undefined || end.addresses.length === 0 || sendsAnything(parts, network)) return [];
  return [{ ...end, mac }];
}

export function sendsAnything(parts: Parts, network: Network): boolean {
  return driverOf(parts, network).firewall?.(network)?.anySource ?? false;
}

/** All that an interface has, with prefix length. */
export function addressesOf(
  { ipv4, ipv6 }: { readonly ipv4?: string | undefined; readonly ipv6?: string | undefined },
  { linkLocal = [] }: Pick<Membership, 'linkLocal'> = {},
): readonly string[] {
  return [ipv4, ipv6, ...linkLocal.map(onLink)].filter((address) => address !== undefined);
}

/** With the prefix length of its block. */
function onLink(address: string): string {
  return `${address}/${familyOf(address) === 4 ? 16 : 64}`;
}
