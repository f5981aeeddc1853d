import type { Endpoint } from '../../cluster/records.ts';
import type { ContainerSpec, PortBinding, PortRequest } from '../../container/container.ts';
import type { NetworkRules } from '../../dataplane/firewall.ts';
import { familyOf } from '../../lib/addresses.ts';

/** Above what the kernel gives to outgoing connections by default is where the Engine begins (49153–65535). */
export const ephemeral = { first: 49153, last: 65535 };

/** One port of the host that is to be had. */
export interface WantedPort extends PortRequest {
  readonly address: string;
  /** The IPv6 half of a request that names no address: left out where the host has no IPv6. */
  readonly implied: boolean;
}

const anywhere = { 4: '0.0.0.0', 6: '::' } as const;

/** Every port of the host that a container asks for, in the order in which they are tried. Pure. */
export function wantedPorts({ publish, exposedPorts }: ContainerSpec, hostBinding: string): WantedPort[] {
  if (!publish) return [];
  const named = (port: PortRequest) =>
    publish.ports.some((other) => other.port === port.port && other.protocol === port.protocol);
  const rest = publish.all ? exposedPorts.filter((port) => !named(port)) : [];
  return [...publish.ports, ...rest].flatMap((request: PortRequest) => {
    if (request.address !== undefined) return [{ ...request, address: request.address, implied: false }];
    const first = { ...request, address: hostBinding, implied: false };
    // A network that binds to one IPv4 address means that address only.
    return hostBinding === anywhere[4]
      ? [first, { ...request, address: anywhere[6], implied: true }]
      : [first];
  });
}

/** On a network that is routed in that family, whatever the host's address asked for; undefined elsewhere. */
export function directBinding(
  { protocol, port, address }: WantedPort,
  ways: NonNullable<NetworkRules['ways']>,
  { ipv6 }: Endpoint,
): PortBinding | undefined {
  const family = familyOf(address);
  // Without an address of its own the other family's is relayed, which is no routing.
  if (ways[family] !== 'routed' || (family === 6 && ipv6 === undefined)) return undefined;
  return { protocol, port, address: anywhere[family], hostPort: 0 };
}

/** Whether both cannot be had at once: one port, and an address in common. */
export function overlaps(
  a: Pick<PortBinding, 'protocol' | 'address' | 'hostPort'>,
  b: Pick<PortBinding, 'protocol' | 'address' | 'hostPort'>,
): boolean {
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort) return false;
  const family = familyOf(a.address);
  if (family !== familyOf(b.address)) return false;
  return a.address === b.address || [a.address, b.address].includes(anywhere[family]);
}
