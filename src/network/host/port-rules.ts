import type { Driver } from '../../../drivers/driver.ts';
import type { Endpoint, Network } from '../../cluster/records.ts';
import type { Container, PortBinding } from '../../container/runtime.ts';
import type { PortRule, PortTarget } from '../../dataplane/dataplane.ts';
import { familyOf, withoutPrefix } from '../../lib/addresses.ts';
import { gatewayAttachment } from './gateway.ts';

/** What the firewall has to redirect for these containers, as far as it is on networks that are set up here. Pure. */
export function portRules(
  containers: readonly Container[],
  networks: readonly Network[],
  driverOf: (network: Network) => Driver,
): readonly PortRule[] {
  return containers.flatMap((container) => {
    const { published = [] } = container;
    const place = published.length > 0 ? gatewayAttachment(container) : undefined;
    const network = networks.find(({ id }) => id === place?.network);
    const bridge = network && driverOf(network).firewall?.(network)?.bridge;
    const { endpoint, interface: made } = place ?? {};
    if (!endpoint || bridge === undefined) return [];
    const hostEnd = made ? { hostEnd: made.source.hostName } : {};
    return published.flatMap((binding) => {
      const target = targetOf(binding, endpoint);
      // From one family to the other only the relay helps (Dataplane.holdPort).
      if (!target || familyOf(target.address) !== familyOf(binding.address)) return [];
      return [{ published: hostSideOf(binding), target, bridge, ...hostEnd }];
    });
  });
}

export function hostSideOf({ protocol, address, hostPort }: PortBinding) {
  return { protocol, address, port: hostPort };
}

/** Where a binding leads: to the address of its own family, where the container has one. */
export function targetOf({ address, port }: PortBinding, { ipv4, ipv6 }: Endpoint): PortTarget | undefined {
  const target = familyOf(address) === 6 ? (ipv6 ?? ipv4) : (ipv4 ?? ipv6);
  return target === undefined ? undefined : { address: withoutPrefix(target), port };
}
