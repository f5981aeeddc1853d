import { z } from 'zod';
import { parseSubnet } from '../../lib/addresses.ts';
import type { DefaultRoutes, Plug } from '../dataplane.ts';
import type { Exec } from './exec.ts';
import { batch, type Command, ip, query, tolerating } from './ip.ts';

/** The static routes that come with an interface. */
export function routeCommands({ name, routes = [] }: Plug): Command[] {
  return routes.map(({ destination, nextHop }) =>
    nextHop
      ? ip`route replace ${destination} via ${nextHop} dev ${name}`
      : ip`route replace ${destination} dev ${name}`,
  );
}

/** One process for both families. */
export async function setDefaultRoutes(exec: Exec, namespace: string, routes: DefaultRoutes): Promise<void> {
  await batch(exec, [defaultRoute('0.0.0.0/0', routes.ipv4), defaultRoute('::/0', routes.ipv6)], namespace);
}

function defaultRoute(destination: string, gateway: string | undefined): Command {
  if (gateway) return ip`route replace ${destination} via ${gateway}`;
  // IPv6 says "No such file" before its first route, "No such process" afterwards.
  return tolerating(/No such process|No such file/, ip`route del ${destination}`);
}

const routeSchema = z.array(z.object({ dst: z.string(), dev: z.string().optional() }));

/** Destinations of the host's main table, without default routes, link-local ones and those by `except`. */
export async function hostSubnets(exec: Exec, except: (device: string) => boolean): Promise<string[]> {
  const tables = await Promise.all([
    query(exec, routeSchema, ['-4', 'route', 'show', 'table', 'main']),
    query(exec, routeSchema, ['-6', 'route', 'show', 'table', 'main']),
  ]);
  const routes = tables.flatMap((table) => table ?? []);
  const foreign = routes.filter(({ dst, dev }) => dst !== 'default' && !(dev && except(dev)));
  const subnets = foreign.map(({ dst }) => parseSubnet(withLength(dst)).text);
  return [...new Set(subnets)].filter((subnet) => !/^(fe80:|ff)/.test(subnet));
}

/** `ip` leaves the length of a host route out. */
function withLength(destination: string): string {
  if (destination.includes('/')) return destination;
  return destination.includes(':') ? `${destination}/128` : `${destination}/32`;
}
