import * as z from 'zod';
import type { Endpoint, Network } from '../../src/cluster/records.ts';
import { type Family, familyOf, parseSubnet, withPrefix } from '../../src/lib/addresses.ts';
import type { JoinPlace } from '../driver.ts';

/** The NetworkDriver protocol: requests as an Engine makes them, answers as they are read (docker-facts 4.2). */

const label = 'com.docker.network';
const text = z.string().nullish();

export const empty = z.looseObject({});
export const capabilitiesAnswer = z.object({ Scope: z.string(), ConnectivityScope: text });
export const endpointAnswer = z.object({
  Interface: z.object({ Address: text, AddressIPv6: text, MacAddress: text }).nullish(),
});
export const joinAnswer = z.object({
  InterfaceName: z.object({ SrcName: text, DstName: text, DstPrefix: text }).nullish(),
  Gateway: text,
  GatewayIPv6: text,
  StaticRoutes: z
    .array(z.object({ Destination: z.string(), RouteType: z.number().nullish(), NextHop: text }))
    .nullish(),
});

export type JoinAnswer = z.infer<typeof joinAnswer>;

export function createNetworkRequest(network: Network) {
  return {
    NetworkID: network.id,
    Options: {
      [`${label}.enable_ipv6`]: network.ipv6,
      ...(network.internal ? { [`${label}.internal`]: true } : {}),
      [`${label}.generic`]: network.options,
    },
    IPv4Data: ipamData(network, 4),
    IPv6Data: ipamData(network, 6),
  };
}

function ipamData({ scope, ipam }: Network, family: Family) {
  const { addressSpace = scope === 'global' ? 'GlobalDefault' : 'LocalDefault' } = ipam;
  const pools = ipam.pools.map((pool) => ({ ...pool, parsed: parseSubnet(pool.subnet) }));
  const data = pools
    .filter(({ parsed }) => parsed.family === family)
    .map(({ parsed, subnet, gateway, auxAddresses }) => ({
      AddressSpace: addressSpace,
      Pool: subnet,
      Gateway: withPrefix(gateway, parsed),
      AuxAddresses: Object.fromEntries(
        Object.entries(auxAddresses).map(([name, address]) => [name, withPrefix(address, parsed)]),
      ),
    }));
  // What the Engine's null IPAM says: the driver gives the addresses.
  return family === 4 && pools.length === 0
    ? [{ AddressSpace: 'null', Pool: '0.0.0.0/0', Gateway: '0.0.0.0/0' }]
    : data;
}

export function createEndpointRequest(network: Network, endpoint: Endpoint, options: object) {
  const { ipv4 = '', ipv6 = '', mac = '' } = endpoint;
  return {
    NetworkID: network.id,
    EndpointID: endpoint.id,
    Interface: { Address: ipv4, AddressIPv6: ipv6, MacAddress: mac },
    Options: options,
  };
}

/** IANA protocol numbers, as the protocol has them. */
const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;

export function endpointOptions({ ports, ipv4 }: Endpoint, place: JoinPlace | undefined): object {
  const wanted = place?.ports ?? [];
  return {
    ...place?.options,
    [`${label}.endpoint.exposedports`]: ports.map(({ protocol, port }) => ({
      Proto: protocolNumbers[protocol],
      Port: port,
    })),
    [`${label}.portmap`]: wanted
      .filter(({ address }) => !address || !ipv4 || familyOf(address) === 4)
      .map(({ protocol, port, address = '', range = { first: 0, last: 0 } }) => ({
        Proto: protocolNumbers[protocol],
        IP: '',
        Port: port,
        HostIP: address,
        HostPort: range.first,
        HostPortEnd: range.last,
      })),
  };
}
