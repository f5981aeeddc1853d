import { FairleadError } from '../../../lib/errors.ts';
import type { Plug } from '../../links.ts';
import { isInterfaceName } from '../../names.ts';
import { batch, type Command, ip, type Link, showLink } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { setIpv6 } from '../settings.ts';
import { addressChanges } from './addresses.ts';
import { namespacePath } from './netns.ts';
import { routeCommands } from './routes.ts';
import { hasIpv6 } from './veth.ts';

/** An interface that somebody else made in the host's namespace: adopted by a sandbox, returned by `unplug`. */
export async function adoptInterface(host: LinuxHost, namespace: string, plug: Plug): Promise<void> {
  const { hostName } = plug.source;
  if (!isInterfaceName(hostName)) throw new FairleadError('invalid', `"${hostName}" is no interface name`);
  const outer = await showLink(host, hostName);
  // The alias goes with the interface and tells, in the sandbox, where it belongs.
  const move = ip`link set dev ${hostName} netns ${namespace} name ${plug.name}`;
  if (outer) await batch(host, [ip`link set dev ${hostName} alias ${hostName}`, move]);
  const inner = await showLink(host, plug.name, namespace);
  if (inner?.ifalias !== hostName) {
    throw new FairleadError('not-found', `plug ${plug.name}: the host has no interface ${hostName}`);
  }
  if (hasIpv6(plug)) await setIpv6(host, namespacePath(namespace), plug.name, true);
  await batch(host, configuration(inner, plug), namespace);
}

function configuration(link: Link, plug: Plug): Command[] {
  const { name, mac, mtu } = plug;
  return [
    ...(mac === undefined || link.address === mac.toLowerCase()
      ? []
      : [ip`link set dev ${name} address ${mac}`]),
    ...(mtu === undefined || link.mtu === mtu ? [] : [ip`link set dev ${name} mtu ${mtu}`]),
    ...addressChanges(link, plug.addresses),
    ...(link.flags.includes('UP') ? [] : [ip`link set dev ${name} up`]),
    ...routeCommands(plug),
  ];
}

/** `hostNamespace` is a path: of this process's own namespace, usually. */
export async function returnInterface(
  host: LinuxHost,
  namespace: string,
  plug: Pick<Plug, 'name' | 'source'>,
  hostNamespace: string,
): Promise<void> {
  const { hostName } = plug.source;
  const inner = await showLink(host, plug.name, namespace);
  if (!inner || inner.ifalias !== hostName) return;
  const back = ip`link set dev ${plug.name} netns ${hostNamespace} name ${hostName}`;
  await batch(host, [ip`link set dev ${plug.name} down`, back], namespace);
}
