import type { Endpoint, Network } from '../../src/cluster/records.ts';
import type { StaticRoute } from '../../src/dataplane/links.ts';
import { isInterfaceName } from '../../src/dataplane/names.ts';
import { familyOf, isAddress, parseSubnet } from '../../src/lib/addresses.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import type { JoinResult } from '../driver.ts';
import type { endpointAnswer, JoinAnswer } from './network-wire.ts';

/** What a plugin answered, checked in the Engine's words: nothing of it reaches the kernel unseen. */

type Interface = NonNullable<ReturnType<typeof endpointAnswer.parse>['Interface']>;

/** What the plugin chose. @throws internal when it changes what was given to it, or gives what is no address */
export function assignedBy(
  answer: Interface | null | undefined,
  endpoint: Endpoint,
): NonNullable<JoinResult['assigned']> {
  const { Address, AddressIPv6, MacAddress } = answer ?? {};
  if (Address && endpoint.ipv4) throw addressModified('IP', endpoint.ipv4, Address);
  if (AddressIPv6 && endpoint.ipv6) throw addressModified('IPv6', endpoint.ipv6, AddressIPv6);
  if (MacAddress && endpoint.mac) throw macModified(endpoint.mac, MacAddress);
  if (MacAddress && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(MacAddress))
    throw wrong(`invalid MAC address: ${MacAddress}`);
  return {
    ...(Address ? { ipv4: cidr(Address, 4) } : {}),
    ...(AddressIPv6 ? { ipv6: cidr(AddressIPv6, 6) } : {}),
    ...(MacAddress ? { mac: MacAddress.toLowerCase() } : {}),
  };
}

/** @throws internal when a name, address or route is none */
export function joinResult(
  answer: JoinAnswer,
  assigned: NonNullable<JoinResult['assigned']>,
  network: Network,
): JoinResult {
  const { SrcName, DstName, DstPrefix } = answer.InterfaceName ?? {};
  for (const name of [SrcName, DstName, DstPrefix && `${DstPrefix}0`]) {
    if (name && !isInterfaceName(name)) throw wrong(`"${name}" is no interface name`);
  }
  const ways = network.internal ? {} : gateways(answer);
  const { mac } = assigned;
  return {
    ...(SrcName
      ? {
          interface: {
            source: { kind: 'existing', hostName: SrcName },
            namePrefix: DstPrefix || 'eth',
            ...(DstName ? { name: DstName } : {}),
            ...(mac ? { mac } : {}),
          },
        }
      : {}),
    ...ways,
    routes: (answer.StaticRoutes ?? []).map(route),
    ...(Object.keys(assigned).length > 0 ? { assigned } : {}),
  };
}

function gateways({ Gateway, GatewayIPv6 }: JoinAnswer): Pick<JoinResult, 'gateway' | 'gateway6'> {
  if (Gateway && !isAddress(Gateway)) throw wrong(`unable to parse Gateway "${Gateway}"`);
  if (GatewayIPv6 && !isAddress(GatewayIPv6)) throw wrong(`unable to parse GatewayIPv6 "${GatewayIPv6}"`);
  return { ...(Gateway ? { gateway: Gateway } : {}), ...(GatewayIPv6 ? { gateway6: GatewayIPv6 } : {}) };
}

/** RouteType 0 goes by a next hop, 1 is connected. */
function route({
  Destination,
  RouteType,
  NextHop,
}: NonNullable<JoinAnswer['StaticRoutes']>[number]): StaticRoute {
  const destination = subnet(Destination);
  if (RouteType === 1) return { destination };
  if (!NextHop || !isAddress(NextHop)) throw wrong(`failed to parse nexthop IP ${NextHop ?? ''}`);
  return { destination, nextHop: NextHop };
}

function subnet(text: string): string {
  try {
    return parseSubnet(text).text;
  } catch {
    throw wrong(`invalid CIDR address: ${text}`);
  }
}

function cidr(text: string, family: 4 | 6): string {
  if (parseSubnet(subnet(text)).family !== family || familyOf(text) !== family) {
    throw wrong(`invalid CIDR address: ${text}`);
  }
  return text;
}

function addressModified(noun: string, present: string, given: string): FairleadError {
  return wrong(
    `driver modified interface address: endpoint interface ${noun} present (${present}). ` +
      `Cannot be modified with (${given}).; rolled back`,
  );
}

function macModified(present: string, given: string): FairleadError {
  return wrong(
    `driver modified interface MAC address: endpoint interface MAC address present (${present}). ` +
      `Cannot be modified with ${given}.; rolled back`,
  );
}

function wrong(message: string): FairleadError {
  return new FairleadError('internal', message);
}
