import type { Firewall } from './firewall.ts';
import type { ReachTarget } from './inspection.ts';

/** Why a sandbox's datagram does not leave its network; undefined when it is not one for a tunnel. */
export function tunnelRefusal({ networks }: Firewall, port: ReachTarget['port']): string | undefined {
  if (port?.protocol !== 'udp' || !networks.some(({ tunnelPort }) => tunnelPort === port.port))
    return undefined;
  return `udp port ${port.port} is for tunnels between hosts: no container may send to it`;
}

/** Why the host itself does not reach an endpoint of another node on an overlay. */
export function farFromHost(address: string, via: string): string {
  return `${address} is on node ${via}, whose own gateway would get the answer: ask from a container`;
}
