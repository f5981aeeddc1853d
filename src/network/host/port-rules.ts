import type { Driver } from '../../../drivers/driver.ts';
import type { Endpoint, Network } from '../../cluster/records.ts';
import type { Container, PortBinding } from '../../container/container.ts';
import type { Door, NetworkRules, PortRule, PortTarget } from '../../dataplane/firewall.ts';
import { familyOf, withoutPrefix } from '../../lib/addresses.ts';
import { gatewayAttachment } from './gateway.ts';

/** A port of a container, and how its network is reached. */
interface PlacedPort {
  readonly binding: PortBinding;
  readonly target: PortTarget;
  readonly rules: NetworkRules;
  readonly hostEnd?: string;
}

/** What the firewall has to redirect for these containers, as far as it is on networks that are set up here. Pure. */
export function portRules(...context: PortContext): readonly PortRule[] {
  return placedPorts(...context)
    .filter(({ binding }) => isOnHost(binding))
    .map(({ binding, target, rules: { bridge }, hostEnd }) => ({
      ...{ published: hostSideOf(binding), target, bridge },
      ...(hostEnd === undefined ? {} : { hostEnd }),
    }));
}

/** What is reached at containers' own addresses. Pure. */
export function doorsOf(...context: PortContext): readonly Door[] {
  return placedPorts(...context)
    .filter(({ binding, rules }) => !isOnHost(binding) || rules.trusted !== undefined)
    .map(({ binding: { protocol }, target }) => ({ protocol, ...target }));
}

type PortContext = readonly [
  containers: readonly Container[],
  networks: readonly Network[],
  driverOf: (network: Network) => Driver,
];

function placedPorts(...[containers, networks, driverOf]: PortContext): readonly PlacedPort[] {
  return containers.flatMap((container) => {
    const { published = [] } = container;
    const place = published.length > 0 ? gatewayAttachment(container) : undefined;
    const network = networks.find(({ id }) => id === place?.network);
    const rules = network && driverOf(network).firewall?.(network);
    const { endpoint, interface: made } = place ?? {};
    if (!endpoint || rules === undefined) return [];
    const hostEnd = made ? { hostEnd: made.source.hostName } : {};
    return published.flatMap((binding) => {
      const target = targetOf(binding, endpoint);
      // From one family to the other only the relay helps (Dataplane.holdPort).
      if (!target || familyOf(target.address) !== familyOf(binding.address)) return [];
      return [{ binding, target, rules, ...hostEnd }];
    });
  });
}

/** On a routed network a port has no port of the host: it is reached at the container's address, and is 0 here. */
export function isOnHost({ hostPort }: Pick<PortBinding, 'hostPort'>): boolean {
  return hostPort > 0;
}

export function hostSideOf({ protocol, address, hostPort }: PortBinding) {
  return { protocol, address, port: hostPort };
}

/** Where a binding leads: to the address of its own family, where the container has one. */
export function targetOf({ address, port }: PortBinding, { ipv4, ipv6 }: Endpoint): PortTarget | undefined {
  const target = familyOf(address) === 6 ? (ipv6 ?? ipv4) : (ipv4 ?? ipv6);
  return target === undefined ? undefined : { address: withoutPrefix(target), port };
}
