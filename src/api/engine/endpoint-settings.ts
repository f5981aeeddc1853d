import type { z } from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import type { EndpointSettings } from '../../network/model.ts';
import { go } from '../go-json.ts';

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

/** @throws unsupported for links and link-local addresses, rather than to drop them in silence */
export function parseEndpointSettings(settings: z.infer<typeof endpointSettings>): EndpointSettings {
  const { IPAMConfig, Links, Aliases, MacAddress, DriverOpts, GwPriority } = settings;
  if (Links.length > 0) {
    throw new FairleadError('unsupported', `links are not supported (${Links[0]}): use a network alias`);
  }
  if (IPAMConfig.LinkLocalIPs.length > 0) {
    throw new FairleadError(
      'unsupported',
      `link-local addresses are not supported: ${IPAMConfig.LinkLocalIPs}`,
    );
  }
  return {
    ...(Aliases.length > 0 && { aliases: Aliases }),
    ...(IPAMConfig.IPv4Address && { ipv4: IPAMConfig.IPv4Address }),
    ...(IPAMConfig.IPv6Address && { ipv6: IPAMConfig.IPv6Address }),
    ...(MacAddress && { mac: MacAddress }),
    ...(GwPriority !== 0 && { gatewayPriority: GwPriority }),
    ...(Object.keys(DriverOpts).length > 0 && { driverOptions: DriverOpts }),
  };
}
