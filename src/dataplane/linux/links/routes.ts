import type { DefaultRoutes, Plug } from '../../links.ts';
import { batch, type Command, ip, tolerating } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';

/** The static routes that come with an interface. */
export function routeCommands({ name, routes = [] }: Plug): Command[] {
  return routes.map(({ destination, nextHop }) =>
    nextHop
      ? ip`route replace ${destination} via ${nextHop} dev ${name}`
      : ip`route replace ${destination} dev ${name}`,
  );
}

/** One process for both families. */
export async function setDefaultRoutes(
  host: LinuxHost,
  namespace: string,
  routes: DefaultRoutes,
): Promise<void> {
  const { ipv4, ipv6, interface6 } = routes;
  await batch(host, [defaultRoute('0.0.0.0/0', ipv4), defaultRoute('::/0', ipv6, interface6)], namespace);
}

function defaultRoute(destination: string, gateway: string | undefined, name?: string): Command {
  if (gateway && name) return ip`route replace ${destination} via ${gateway} dev ${name}`;
  if (gateway) return ip`route replace ${destination} via ${gateway}`;
  // IPv6 says "No such file" before its first route, "No such process" afterwards.
  return tolerating(/No such process|No such file/, ip`route del ${destination}`);
}
