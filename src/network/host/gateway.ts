import type { Attachment, Container } from '../../container/runtime.ts';
import type { DefaultRoutes } from '../../dataplane/links.ts';

/** Where a container's default routes go: the place of the highest priority that offers one, else the first. */
export function routesFor(container: Container): DefaultRoutes {
  const interfaces = byPriority(container).flatMap((one) => one.interface ?? []);
  const ipv4 = interfaces.find(({ gateway }) => gateway)?.gateway;
  const ipv6 = interfaces.find(({ gateway6 }) => gateway6)?.gateway6;
  return { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) };
}

/** The place that its way out, and so its published ports, are on; undefined when it has no way out. */
export function gatewayAttachment(container: Container): Attachment | undefined {
  return byPriority(container).find((one) => one.interface?.gateway ?? one.interface?.gateway6);
}

function byPriority({ attachments }: Container): readonly Attachment[] {
  return [...attachments].sort((a, b) => (b.gatewayPriority ?? 0) - (a.gatewayPriority ?? 0));
}
