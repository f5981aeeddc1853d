import type { Network } from '../../cluster/records.ts';
import type { Attachment } from '../../container/runtime.ts';
import type { HostEnd } from '../../dataplane/dataplane.ts';
import { familyOf } from '../../lib/addresses.ts';
import { driverOf, type NetworkContext } from '../context.ts';

/** What the interfaces that this host has made for containers may send, as their records tell. */
export function hostEnds(parts: NetworkContext): readonly HostEnd[] {
  return parts.engine ? lentEnds(parts) : pluggedEnds(parts);
}

function pluggedEnds(parts: NetworkContext): readonly HostEnd[] {
  const { runtime, directory } = parts;
  const running = runtime.list().filter(({ state }) => state.status === 'running');
  return running.flatMap(({ id, attachments }) =>
    attachments.flatMap((attachment) => {
      const { endpoint, interface: made } = attachment;
      const network = directory.network(attachment.network);
      if (!network || !endpoint || made?.source.kind !== 'veth') return [];
      const { mac } = endpoint;
      const addresses = addressesOf(endpoint, attachment);
      const { hostName } = made.source;
      return endOn(parts, network, { hostName, sandbox: runtime.sandboxOf(id), mac, addresses });
    }),
  );
}

function lentEnds(parts: NetworkContext): readonly HostEnd[] {
  const links = [...(parts.engine?.links.endpoints().values() ?? [])];
  return links.flatMap(({ networkId, hostName, sandboxKey, endpoint }) => {
    const network = parts.directory.network(networkId);
    if (!network || !hostName) return [];
    const { mac } = endpoint;
    const addresses = addressesOf(endpoint);
    return endOn(parts, network, { hostName, sandbox: sandboxKey ?? hostName, mac, addresses });
  });
}

/** None where its network lets containers send what they like, or where it has no address that it could be held to. */
export function endOn(
  parts: NetworkContext,
  network: Network,
  { mac, ...end }: Omit<HostEnd, 'mac'> & { readonly mac: string | undefined },
): readonly HostEnd[] {
  if (mac === undefined || end.addresses.length === 0 || sendsAnything(parts, network)) return [];
  return [{ ...end, mac }];
}

export function sendsAnything(parts: NetworkContext, network: Network): boolean {
  return driverOf(parts, network).firewall?.(network)?.anySource ?? false;
}

/** All that an interface has, with prefix length. */
export function addressesOf(
  { ipv4, ipv6 }: { readonly ipv4?: string | undefined; readonly ipv6?: string | undefined },
  { linkLocal = [] }: Pick<Attachment, 'linkLocal'> = {},
): readonly string[] {
  return [ipv4, ipv6, ...linkLocal.map(onLink)].filter((address) => address !== undefined);
}

/** With the prefix length of its block. */
function onLink(address: string): string {
  return `${address}/${familyOf(address) === 4 ? 16 : 64}`;
}
