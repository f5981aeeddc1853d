import type { Endpoint, Network, Pool } from '../../../cluster/records.ts';
import type { SubnetUsage } from '../../../network/model.ts';
import { type ApiVersion, isBefore } from '../../http/version.ts';

/** A network as the Engine writes it: members in its order (docker-facts 5.1). */
export function networkShape(
  network: Network,
  version: ApiVersion,
  endpoints: readonly Endpoint[] = [],
): Record<string, unknown> {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: network.scope,
    Driver: network.driver,
    ...(!isBefore(version, '1.48') && { EnableIPv4: network.ipv4 !== false }),
    EnableIPv6: network.ipv6,
    IPAM: ipamShape(network),
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? '' },
    ConfigOnly: network.configOnly !== undefined,
    Containers: containersShape(endpoints),
    Options: network.options,
    Labels: network.labels,
  };
}

function ipamShape({ name, driver, ipam, configOnly }: Network): Record<string, unknown> {
  // The Engine shows those of IPv4 first, in whichever order they were given.
  const idle = (ipam.idle ?? []).map((subnet) => ({ subnet, auxAddresses: {} }));
  const all: readonly ShownPool[] = configOnly?.pools ?? [...ipam.pools, ...idle];
  const pools = [...all].sort((a, b) => familyAt(a) - familyAt(b));
  // Records of before `optionsUnset`: nobody gave the predefined networks any.
  const none = ipam.optionsUnset || ['bridge', 'host', 'none'].includes(name);
  // A driver without addresses has no list of pools either.
  const Config = pools.length === 0 && ['host', 'null'].includes(driver) ? null : pools.map(poolShape);
  return { Driver: ipam.driver, Options: none ? null : ipam.options, Config };
}

function familyAt({ subnet }: ShownPool): number {
  return subnet?.includes(':') ? 6 : 4;
}

type ShownPool = Partial<Omit<Pool, 'auxAddresses'>> & Pick<Pool, 'auxAddresses'>;

function poolShape({
  subnet,
  ipRange,
  gateway,
  gatewayUnnamed,
  auxAddresses,
}: ShownPool): Record<string, unknown> {
  return {
    ...(subnet !== undefined && { Subnet: subnet }),
    ...(ipRange !== undefined && { IPRange: ipRange }),
    ...(gateway !== undefined && !gatewayUnnamed && { Gateway: gateway }),
    ...(Object.keys(auxAddresses).length > 0 && { AuxiliaryAddresses: auxAddresses }),
  };
}

/** By container id; a container's further places (as a service's provider) the way the Engine writes strangers. */
function containersShape(endpoints: readonly Endpoint[]): Record<string, unknown> {
  const containers: Record<string, unknown> = {};
  const ownFirst = [...endpoints].sort(
    (a, b) => Number(a.serviceId !== undefined) - Number(b.serviceId !== undefined),
  );
  for (const endpoint of ownFirst) {
    const key = endpoint.containerId in containers ? `ep-${endpoint.id}` : endpoint.containerId;
    containers[key] = {
      Name: endpoint.containerName,
      EndpointID: endpoint.id,
      MacAddress: endpoint.mac ?? '',
      IPv4Address: endpoint.ipv4 ?? '',
      IPv6Address: endpoint.ipv6 ?? '',
    };
  }
  return containers;
}

/** `Status`, from API 1.52 on. Written by hand: an IPv6 subnet has more addresses than a number of JavaScript can tell. */
export function statusText(usage: readonly SubnetUsage[]): string {
  const subnets = usage.map(({ subnet, inUse, available }) => {
    const counts = `{"IPsInUse":${saturated(inUse)},"DynamicIPsAvailable":${saturated(available)}}`;
    return `${JSON.stringify(subnet)}:${counts}`;
  });
  return `{"IPAM":{${subnets.length === 0 ? '' : `"Subnets":{${subnets.join(',')}}`}}}`;
}

/** Go's uint64. */
function saturated(count: bigint): bigint {
  const most = 2n ** 64n - 1n;
  return count > most ? most : count;
}
