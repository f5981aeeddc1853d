import { hostsOf, linkedBy } from '../../container/linked.ts';
import { extraHostsOf, renderHosts, renderResolvConf } from '../../container/resolv-conf.ts';
import type { Attachment, Container, ContainerFiles } from '../../container/runtime.ts';
import { withoutPrefix } from '../../lib/addresses.ts';
import { shortId } from '../../lib/ids.ts';
import { routesFor } from '../host/gateway.ts';

/**
 * The container's /etc/resolv.conf and /etc/hosts. Names are a matter of DNS: the hosts file has nothing of other
 * containers but links on the default network. Any one gateway answers for all networks that the asker is on.
 */
export function filesFor(container: Container, containers: readonly Container[]): ContainerFiles {
  const { spec } = container;
  const stack = stackOf(container, containers);
  const { attachments } = stack;
  return {
    resolvConf: renderResolvConf({
      resolvers: [...new Set(attachments.flatMap((one) => one.interface?.resolver ?? []))].slice(
        0,
        maxNameservers,
      ),
      dns: spec.dns,
      search: spec.dnsSearch,
      options: spec.dnsOptions,
    }),
    hosts: renderHosts({
      hostname: stack.spec.hostname || shortId(stack.id),
      domainname: stack.spec.domainname,
      addresses: attachments.flatMap(addressesOf),
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

function addressesOf({ endpoint }: Attachment): string[] {
  return [endpoint?.ipv4, endpoint?.ipv6].flatMap((cidr) =>
    cidr === undefined ? [] : [withoutPrefix(cidr)],
  );
}
