import type * as z from 'zod';
import { parseMac } from '../../../../lib/addresses.ts';
import { withContext } from '../../../../lib/errors.ts';
import type { EndpointSettings } from '../../../../network/model.ts';
import { type endpointSettings, parseEndpointSettings } from '../../networks/endpoint-settings.ts';

/**
 * The endpoints of a create body, by network.
 * @param mode the first network, which a MAC address of the container is for: before 1.44 it was no endpoint's
 * @throws invalid, naming the network
 */
export function parseEndpoints(
  config: Readonly<Record<string, z.infer<typeof endpointSettings>>>,
  mode: string,
  mac: string,
): Record<string, EndpointSettings> {
  const entries = Object.entries(config).map(
    ([network, settings]) => [network, forNetwork(network, () => parseEndpointSettings(settings))] as const,
  );
  const endpoints = Object.fromEntries(entries);
  if (mac) endpoints[mode] = { mac: forNetwork(mode, () => parseMac(mac)), ...endpoints[mode] };
  return endpoints;
}

function forNetwork<T>(network: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw withContext(`invalid config for network ${network}`, error);
  }
}
