import { extraHostsOf, renderHosts, renderResolvConf } from '../container/resolv-conf.ts';
import type { Container, ContainerFiles, JoinedState, Membership } from '../container/runtime.ts';
import type { DefaultRoutes } from '../dataplane/dataplane.ts';
import { withoutPrefix } from '../lib/addresses.ts';
import { shortId } from '../lib/ids.ts';
import { hostsOf, linkedBy } from './linked.ts';

/** Where a container's default routes go: the place of the highest priority that offers one, else the first. */
export function routesFor(container: Container): DefaultRoutes {
  const places = byPriority(container).flatMap(({ joined }) => joined ?? []);
  const ipv4 = places.find(({ gateway }) => gateway)?.gateway;
  const ipv6 = places.find(({ gateway6 }) => gateway6)?.gateway6;
  return { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) };
}

/** The place that its way out, and so its published ports, are on; undefined when it has no way out. */
export function gatewayPlace(container: Container): Membership | undefined {
  return byPriority(container).find(({ joined }) => joined?.gateway ?? joined?.gateway6);
}

function byPriority({ memberships }: Container): readonly Membership[] {
  return [...memberships].sort((a, b) => (b.gatewayPriority ?? 0) - (a.gatewayPriority ?? 0));
}

/**
 * The container's /etc/resolv.conf and /etc/hosts. Names are a matter of DNS: the hosts file has nothing of other
 * containers but links on the default network. Any one gateway answers for all networks that the asker is on.
 */
export function filesFor(container: Container, containers: readonly Container[]): ContainerFiles {
  const { spec } = container;
  const stack = stackOf(container, containers);
  const places = stack.memberships.flatMap(({ joined }) => joined ?? []);
  return {
    resolvConf: renderResolvConf({
      resolvers: [...new Set(places.flatMap(({ resolver }) => resolver ?? []))].slice(0, maxNameservers),
      dns: spec.dns,
      search: spec.dnsSearch,
      options: spec.dnsOptions,
    }),
    hosts: renderHosts({
      hostname: stack.spec.hostname || shortId(stack.id),
      domainname: stack.spec.domainname,
      addresses: places.flatMap(addressesOf),
      linked: linkedBy(stack, containers).map(hostsOf),
      extraHosts: extraHostsOf(spec.extraHosts, hostAddressOf(stack)),
    }),
  };
}

/** At which it reaches its host. */
function hostAddressOf(stack: Container): string | undefined {
  if (stack.spec.networkMode.kind === 'host') return '127.0.0.1';
  const { ipv4, ipv6 } = routesFor(stack);
  return ipv4 ?? ipv6;
}

/** The resolver library reads no more than three (resolv.conf(5), MAXNS). */
const maxNameservers = 3;

function stackOf(container: Container, containers: readonly Container[]): Container {
  const { networkMode } = container.spec;
  if (networkMode.kind !== 'container') return container;
  return containers.find(({ id }) => id === networkMode.containerId) ?? container;
}

function addressesOf({ ipv4, ipv6 }: JoinedState): string[] {
  return [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [withoutPrefix(cidr)]));
}
