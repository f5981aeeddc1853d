import type { Attachment, Container } from '../../container/container.ts';
import { extraHostsOf, renderHosts } from '../../container/hosts-file.ts';
import { refusesIpv6 } from '../../container/isolation.ts';
import { hostsOf, linkedBy } from '../../container/linked.ts';
import { renderResolvConf } from '../../container/resolv-conf.ts';
import type { ContainerFiles } from '../../container/runtime.ts';
import { withoutPrefix } from '../../lib/addresses.ts';
import { shortId } from '../../lib/ids.ts';
import { readText } from '../../lib/read-text.ts';
import { routesFor } from '../host/gateway.ts';

/** The texts of the host's own files; empty where it has none. */
export interface HostFiles {
  readonly resolvConf: string;
  readonly hosts: string;
}

function hostFiles(): HostFiles {
  return { resolvConf: readText('/etc/resolv.conf') ?? '', hosts: readText('/etc/hosts') ?? '' };
}

/**
 * The container's /etc/resolv.conf and /etc/hosts. Names are a matter of DNS: the hosts file has nothing of other
 * containers but links on the default network. Any one gateway answers for all networks that the asker is on. On the
 * host's stack they are the host's, as they are, unless something else was asked for.
 */
export function filesFor(
  container: Container,
  containers: readonly Container[],
  host = hostFiles(),
): ContainerFiles {
  const { spec } = container;
  const stack = stackOf(container, containers);
  const isOnHost = stack.spec.networkMode.kind === 'host';
  const { attachments } = stack;
  const resolvConf = renderResolvConf({
    host: host.resolvConf,
    resolver: attachments.flatMap((one) => one.interface?.resolver ?? [])[0],
    dns: spec.dns,
    search: spec.dnsSearch,
    options: spec.dnsOptions,
    isOnHost,
  });
  if (isOnHost && spec.extraHosts.length === 0) return { resolvConf, hosts: host.hosts };
  const hosts = renderHosts({
    ipv6: !refusesIpv6(stack.spec),
    hostname: stack.spec.hostname || shortId(stack.id),
    domainname: stack.spec.domainname,
    addresses: attachments.flatMap(addressesOf),
    linked: linkedBy(stack, containers).map(hostsOf),
    extraHosts: extraHostsOf(spec.extraHosts, hostAddressesOf(stack)),
  });
  return { resolvConf, hosts };
}

/** At which it reaches its host: where its way out begins, else, on an internal network, where it asks for names. */
function hostAddressesOf(stack: Container): readonly string[] {
  if (stack.spec.networkMode.kind === 'host') return ['127.0.0.1'];
  const { ipv4, ipv6 } = routesFor(stack);
  const ways = [ipv4, ipv6].flatMap((address) => address ?? []);
  const resolvers = stack.attachments.flatMap((one) => one.interface?.resolver ?? []);
  return ways.length > 0 ? ways : resolvers.slice(0, 1);
}

function stackOf(container: Container, containers: readonly Container[]): Container {
  const { networkMode } = container.spec;
  if (networkMode.kind !== 'container') return container;
  return containers.find(({ id }) => id === networkMode.containerId) ?? container;
}

function addressesOf({ endpoint }: Attachment): string[] {
  return [endpoint?.ipv4, endpoint?.ipv6].flatMap((cidr) =>
    cidr === undefined ? [] : [withoutPrefix(cidr)],
  );
}
