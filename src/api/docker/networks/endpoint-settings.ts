import type * as z from 'zod';
import { parseLink } from '../../../cluster/endpoints/links.ts';
import type { Network } from '../../../cluster/records.ts';
import {
  contains,
  type Family,
  familyOf,
  isAddress,
  parseAddress,
  parseMac,
  parseSubnet,
  toNumber,
} from '../../../lib/addresses.ts';
import { FairleadError } from '../../../lib/errors.ts';
import type { EndpointSettings } from '../../../network/model.ts';
import { go } from '../../go/json.ts';

/** `EndpointSettings` of a connect and of a create body; what the Engine fills in itself is not read. */
export const endpointSettings = go.object('network.EndpointSettings', {
  IPAMConfig: go.object('network.EndpointIPAMConfig', {
    IPv4Address: go.text(),
    IPv6Address: go.text(),
    LinkLocalIPs: go.texts(),
  }),
  Links: go.texts(),
  Aliases: go.texts(),
  MacAddress: go.text(),
  DriverOpts: go.textMap(),
  GwPriority: go.int(),
});

/** @throws invalid */
export function parseEndpointSettings(settings: z.infer<typeof endpointSettings>): EndpointSettings {
  const { IPAMConfig, Links, Aliases, MacAddress, DriverOpts, GwPriority } = settings;
  for (const link of Links) parseLink(link);
  for (const [family, address] of [
    [4, IPAMConfig.IPv4Address],
    [6, IPAMConfig.IPv6Address],
  ] as const) {
    if (address && !isUsable(address, family)) {
      throw new FairleadError('invalid', `invalid IPv${family} address: ${address}`);
    }
  }
  const linkLocal = IPAMConfig.LinkLocalIPs;
  if (!linkLocal.every((address) => isAddress(address))) {
    throw new FairleadError('invalid', `Invalid link-local IP address: [${linkLocal.join(' ')}]`);
  }
  return {
    ...(Aliases.length > 0 && { aliases: Aliases }),
    ...(Links.length > 0 && { links: Links }),
    ...(IPAMConfig.IPv4Address && { ipv4: IPAMConfig.IPv4Address }),
    ...(IPAMConfig.IPv6Address && { ipv6: IPAMConfig.IPv6Address }),
    ...(MacAddress && { mac: parseMac(MacAddress) }),
    ...(linkLocal.length > 0 && { linkLocal: linkLocal.map((address) => parseAddress(address)) }),
    ...(GwPriority !== 0 && { gatewayPriority: GwPriority }),
    ...(Object.keys(DriverOpts).length > 0 && { driverOptions: DriverOpts }),
  };
}

/** As Go reads addresses: an IPv4 address in the clothes of IPv6 is one of IPv4. */
function isUsable(address: string, family: Family): boolean {
  if (!isAddress(address) || familyOf(address) !== family || toNumber(address) === 0n) return false;
  return family === 4 || !contains(mapped, address);
}

const mapped = parseSubnet('::ffff:0:0/96');
const predefined = ['bridge', 'host', 'none'];

/**
 * Names and addresses are chosen on networks that somebody made, not on Docker's own three, and addresses are of
 * its subnets.
 * @param ref name or id; of one that does not exist somebody else complains
 * @throws invalid, in the Engine's words
 */
export function requireFitting(
  networks: readonly Pick<Network, 'id' | 'name' | 'ipam'>[],
  ref: string,
  settings: EndpointSettings,
): void {
  const network = networks.find(({ id, name }) => name === ref || id === ref);
  if (!network) return;
  const problems = predefined.includes(network.name) ? onPredefined(settings) : outside(network, settings);
  if (problems.length === 0) return;
  const list = problems.length === 1 ? problems : problems.map((problem) => `* ${problem}`);
  throw new FairleadError('invalid', `invalid endpoint settings:\n${list.join('\n')}`);
}

/** Where there is no pool, a plugin gives the addresses, or none are given. */
function outside({ ipam }: Pick<Network, 'ipam'>, { ipv4, ipv6 }: EndpointSettings): readonly string[] {
  return [ipv4, ipv6].flatMap((address) => {
    if (address === undefined) return [];
    const subnets = ipam.pools.map(({ subnet }) => parseSubnet(subnet));
    if (subnets.length === 0 || subnets.some((subnet) => contains(subnet, address))) return [];
    return [`no configured subnet or ip-range contain the IP address ${address}`];
  });
}

function onPredefined({ aliases = [], ipv4, ipv6 }: EndpointSettings): readonly string[] {
  const address = 'user specified IP address is supported';
  return [
    ...(aliases.length > 0
      ? ['network-scoped alias is supported only for containers in user defined networks']
      : []),
    ...(ipv4 || ipv6
      ? [
          `${address} on user defined networks only`,
          `${address} only when connecting to networks with user configured subnets`,
        ]
      : []),
  ];
}
