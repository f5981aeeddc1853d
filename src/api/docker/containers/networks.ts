import type { Network } from '../../../cluster/records.ts';
import type { Attachment, Container } from '../../../container/container.ts';
import { familyOf, withoutPrefix } from '../../../lib/addresses.ts';
import { shortId } from '../../../lib/ids.ts';
import { foldCase } from '../../../lib/names.ts';
import type { Networks } from '../../../network/model.ts';
import { type ApiVersion, isBefore } from '../../http/version.ts';

const predefined = ['bridge', 'host', 'none', 'default'];

/** Finds the networks of one answer's many attachments. */
export type NetworkIndex = (ref: string) => Network | undefined;

export function indexNetworks(networks: Networks): NetworkIndex {
  const byKey = new Map<string, Network>();
  for (const network of networks.list()) byKey.set(foldCase(network.name), network);
  for (const network of networks.list()) byKey.set(network.id, network);
  return (ref) => (ref === 'default' ? networks.defaultNetwork() : byKey.get(foldCase(ref)));
}

/** `NetworkSettings.Networks`: network name → endpoint. A container's own place wins over a service's. */
export function endpointsShape(
  container: Container,
  find: NetworkIndex,
  version: ApiVersion,
  where: 'list' | 'inspect' = 'inspect',
): Record<string, Record<string, unknown>> {
  const shapes = new Map<string, Record<string, unknown>>();
  const ownFirst = [...container.attachments].sort(
    (a, b) => Number(a.serviceId !== undefined) - Number(b.serviceId !== undefined),
  );
  for (const attachment of ownFirst) {
    const network = find(attachment.network);
    const name = network?.name ?? attachment.networkName ?? attachment.network;
    if (!shapes.has(name)) shapes.set(name, endpointShape(container, attachment, network, version, where));
  }
  return Object.fromEntries(shapes);
}

/** Members in the Engine's order. Addresses are empty while the container is not on the network. */
function endpointShape(
  container: Container,
  attachment: Attachment,
  network: Network | undefined,
  version: ApiVersion,
  where: 'list' | 'inspect',
): Record<string, unknown> {
  const { endpoint } = attachment;
  const named = network !== undefined && !predefined.includes(network.name);
  return {
    IPAMConfig: ipamConfig(attachment),
    Links: (named && attachment.links) || null,
    Aliases: aliases(container, attachment, named && where === 'inspect', version),
    MacAddress: endpoint?.mac ?? attachment.mac ?? '',
    DriverOpts: attachment.driverOptions ?? null,
    ...(!isBefore(version, '1.48') && { GwPriority: attachment.gatewayPriority ?? 0 }),
    NetworkID: network?.id ?? '',
    EndpointID: endpoint?.id ?? '',
    Gateway: endpoint?.ipv4 ? gateway(network, 4) : '',
    IPAddress: withoutPrefix(endpoint?.ipv4 ?? ''),
    IPPrefixLen: prefixLength(endpoint?.ipv4),
    IPv6Gateway: endpoint?.ipv6 ? gateway(network, 6) : '',
    GlobalIPv6Address: withoutPrefix(endpoint?.ipv6 ?? ''),
    GlobalIPv6PrefixLen: prefixLength(endpoint?.ipv6),
    ...(!isBefore(version, '1.44') && {
      DNSNames: dnsNames(container, attachment, named && where === 'inspect'),
    }),
  };
}

function dnsNames(
  { id, name, spec: { hostname } }: Container,
  { aliases }: Attachment,
  named: boolean,
): readonly string[] | null {
  const all = [name, ...aliases, shortId(id), hostname].filter((text) => text !== '');
  return named ? [...new Set(all)] : null;
}

function ipamConfig({ ipv4, ipv6, linkLocal }: Attachment): Record<string, unknown> | null {
  if (ipv4 === undefined && ipv6 === undefined && linkLocal === undefined) return null;
  return {
    ...(ipv4 && { IPv4Address: ipv4 }),
    ...(ipv6 && { IPv6Address: ipv6 }),
    ...(linkLocal && { LinkLocalIPs: linkLocal }),
  };
}

/** Until 1.44 the short id stood among the aliases; from then on DNSNames has it (docker-facts 5.5). */
function aliases(
  { id }: Container,
  { aliases }: Attachment,
  named: boolean,
  version: ApiVersion,
): readonly string[] | null {
  const shown = named && isBefore(version, '1.45') ? [...aliases, shortId(id)] : aliases;
  return shown.length === 0 ? null : shown;
}

function gateway(network: Network | undefined, family: 4 | 6): string {
  if (!network || network.internal) return '';
  return network.ipam.pools.find((pool) => familyOf(pool.gateway) === family)?.gateway ?? '';
}

function prefixLength(cidr: string | undefined): number {
  return cidr?.includes('/') ? Number(cidr.slice(cidr.indexOf('/') + 1)) : 0;
}
