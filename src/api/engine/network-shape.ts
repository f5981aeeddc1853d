import type { Endpoint, Network, Pool } from '../../cluster/records.ts';
import { type ApiVersion, isBefore } from '../version.ts';

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
    ...(!isBefore(version, '1.48') && { EnableIPv4: true }),
    EnableIPv6: network.ipv6,
    IPAM: ipamShape(network),
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: containersShape(endpoints),
    Options: network.options,
    Labels: network.labels,
  };
}

function ipamShape({ ipam }: Network): Record<string, unknown> {
  // Networks without addresses (none, host) have null here, as the predefined ones in the Engine.
  return {
    Driver: ipam.driver,
    Options: ipam.pools.length === 0 ? null : ipam.options,
    Config: ipam.pools.map(poolShape),
  };
}

function poolShape({ subnet, ipRange, gateway, auxAddresses }: Pool): Record<string, unknown> {
  return {
    Subnet: subnet,
    ...(ipRange !== undefined && { IPRange: ipRange }),
    Gateway: gateway,
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
