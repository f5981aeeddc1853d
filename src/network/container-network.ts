import { extraHostsOf, renderHosts } from '../container/hosts-file.ts';
import { renderResolvConf } from '../container/resolv-conf.ts';
import type { Container, ContainerFiles, JoinedState, Membership } from '../container/runtime.ts';
import type { DefaultRoutes } from '../dataplane/dataplane.ts';
import { withoutPrefix } from '../lib/addresses.ts';
import { shortId } from '../lib/ids.ts';
import { readText } from '../lib/read-text.ts';

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

/** The texts of the host's own files; empty where it has none. */
export interface HostFiles {
  readonly resolvConf: string;
  readonly hosts: string;
}

function hostFiles(): HostFiles {
  return { resolvConf: readText('/etc/resolv.conf') ?? '', hosts: readText('/etc/hosts') ?? '' };
}

/**
 * The container's /etc/resolv.conf and /etc/hosts. Names are a matter of DNS only: the hosts file has nothing of other
 * containers. Any one gateway answers for all networks that the asker is on. On the host's stack they are the host's,
 * as they are, unless something else was asked for.
 */
export function filesFor(
  container: Container,
  containers: readonly Container[],
  host = hostFiles(),
): ContainerFiles {
  const { spec } = container;
  const stack = stackOf(container, containers);
  const isOnHost = stack.spec.networkMode.kind === 'host';
  const places = stack.memberships.flatMap(({ joined }) => joined ?? []);
  const resolvConf = renderResolvConf({
    host: host.resolvConf,
    resolver: places.find(({ resolver }) => resolver !== undefined)?.resolver,
    dns: spec.dns,
    search: spec.dnsSearch,
    options: spec.dnsOptions,
    isOnHost,
  });
  if (isOnHost && spec.extraHosts.length === 0) return { resolvConf, hosts: host.hosts };
  const hosts = renderHosts({
    hostname: stack.spec.hostname || shortId(stack.id),
    domainname: stack.spec.domainname,
    addresses: places.flatMap(addressesOf),
    extraHosts: extraHostsOf(spec.extraHosts, hostAddressesOf(stack)),
  });
  return { resolvConf, hosts };
}

/** At which it reaches its host: where its way out begins, else, on an internal network, where it asks for names. */
function hostAddressesOf(stack: Container): readonly string[] {
  if (stack.spec.networkMode.kind === 'host') return ['127.0.0.1'];
  const { ipv4, ipv6 } = routesFor(stack);
  const ways = [ipv4, ipv6].flatMap((address) => address ?? []);
  return ways.length > 0
    ? ways
    : stack.memberships.flatMap(({ joined }) => joined?.resolver ?? []).slice(0, 1);
}

function stackOf(container: Container, containers: readonly Container[]): Container {
  const { networkMode } = container.spec;
  if (networkMode.kind !== 'container') return container;
  return containers.find(({ id }) => id === networkMode.containerId) ?? container;
}

function addressesOf({ ipv4, ipv6 }: JoinedState): string[] {
  return [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [withoutPrefix(cidr)]));
}
