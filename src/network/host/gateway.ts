import type { Network } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import type { DefaultRoutes } from '../../dataplane/links.ts';
import { isLinkLocal } from '../../lib/addresses.ts';

/** Where DNS listens for a network: a link-local gateway could not be told from that of another network. */
export function dnsGateways({ ipam }: Pick<Network, 'ipam'>): readonly string[] {
  return ipam.pools.map(({ gateway }) => gateway).filter((gateway) => !isLinkLocal(gateway));
}

/**
 * Where a container's default routes go: by the first place that offers both families, else by the first of each. Places
 * come in the Engine's order (moby 28.5, libnetwork/sandbox.go, Endpoint.Less): the highest priority, then both families
 * before one, then by the networks' names.
 */
export function routesFor(container: Container): DefaultRoutes {
  const interfaces = inOrder(container).flatMap((one) => one.interface ?? []);
  const both = interfaces.find(({ gateway, gateway6 }) => gateway && gateway6);
  const ipv4 = (both ?? interfaces.find(({ gateway }) => gateway))?.gateway;
  const out6 = both ?? interfaces.find(({ gateway6 }) => gateway6);
  return { ...(ipv4 ? { ipv4 } : {}), ...(out6?.gateway6 ? routeBy(out6.name, out6.gateway6) : {}) };
}

function routeBy(name: string, gateway: string): DefaultRoutes {
  return { ipv6: gateway, ...(isLinkLocal(gateway) ? { interface6: name } : {}) };
}

/** The place that its way out, and so its published ports, are on; undefined when it has no way out. */
export function gatewayAttachment(container: Container): Attachment | undefined {
  const places = inOrder(container);
  return (
    places.find((one) => waysOut(one) === 2) ??
    places.find((one) => one.interface?.gateway) ??
    places.find((one) => one.interface?.gateway6)
  );
}

function inOrder({ attachments }: Container): readonly Attachment[] {
  return [...attachments].sort(
    (a, b) => (b.gatewayPriority ?? 0) - (a.gatewayPriority ?? 0) || waysOut(b) - waysOut(a) || byName(a, b),
  );
}

/** Of how many families. */
function waysOut({ interface: made }: Attachment): number {
  return [made?.gateway, made?.gateway6].filter((gateway) => gateway).length;
}

function byName(a: Attachment, b: Attachment): number {
  const [first, second] = [a, b].map(({ network, networkName = network }) => networkName);
  if (first === undefined || second === undefined || first === second) return 0;
  return first < second ? -1 : 1;
}
