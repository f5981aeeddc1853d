import type { Network } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import type { DefaultRoutes } from '../../dataplane/links.ts';
import { isLinkLocal } from '../../lib/addresses.ts';

/** Where DNS listens for a network: a link-local gateway could not be told from that of another network. */
export function dnsGateways({ ipam }: Pick<Network, 'ipam'>): readonly string[] {
  return ipam.pools.map(({ gateway }) => gateway).filter((gateway) => !isLinkLocal(gateway));
}

/** Where a container's default routes go: the place of the highest priority that offers one, else the first. */
export function routesFor(container: Container): DefaultRoutes {
  const interfaces = byPriority(container).flatMap((one) => one.interface ?? []);
  const ipv4 = interfaces.find(({ gateway }) => gateway)?.gateway;
  const out6 = interfaces.find(({ gateway6 }) => gateway6);
  return { ...(ipv4 ? { ipv4 } : {}), ...(out6?.gateway6 ? routeBy(out6.name, out6.gateway6) : {}) };
}

function routeBy(name: string, gateway: string): DefaultRoutes {
  return { ipv6: gateway, ...(isLinkLocal(gateway) ? { interface6: name } : {}) };
}

/** The place that its way out, and so its published ports, are on; undefined when it has no way out. */
export function gatewayAttachment(container: Container): Attachment | undefined {
  return byPriority(container).find((one) => one.interface?.gateway ?? one.interface?.gateway6);
}

function byPriority({ attachments }: Container): readonly Attachment[] {
  return [...attachments].sort((a, b) => (b.gatewayPriority ?? 0) - (a.gatewayPriority ?? 0));
}
