import type * as z from 'zod';
import { parseLink } from '../../../cluster/links.ts';
import { familyOf, isAddress, parseAddress } from '../../../lib/addresses.ts';
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
    if (address && !(isAddress(address) && familyOf(address) === family)) {
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

/** Go's net.ParseMAC takes hyphens as well. @throws invalid */
export function parseMac(text: string): string {
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$|^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i.test(text))
    return text.replaceAll('-', ':');
  throw new FairleadError('invalid', `invalid MAC address: ${text}`);
}
