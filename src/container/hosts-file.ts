import { fileLine } from '../lib/plain-text.ts';
import { type ExtraHost, hostGateway, parseExtraHost } from './extra-host.ts';

export interface Hosts {
  /** Whether the container has IPv6 at all. */
  readonly ipv6?: boolean;
  readonly hostname: string;
  readonly domainname: string;
  /** The container's own, without prefix length. */
  readonly addresses: readonly string[];
  /** As `extraHostsOf` has them. */
  readonly extraHosts: readonly ExtraHost[];
  /** Of containers that are linked on the default network. */
  readonly linked?: readonly { readonly address: string; readonly names: readonly string[] }[];
}

const ofIpv6 = [
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/**
 * The Engine's layout (docker-facts §3); of other containers only links are in it: names are a matter of DNS.
 * @throws as fileLine
 */
export function renderHosts({
  hostname,
  domainname,
  addresses,
  extraHosts,
  linked = [],
  ipv6 = true,
}: Hosts): string {
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`;
  // The whole name and its first label, however they were given.
  const [label = ''] = full.split('.');
  const names = label === full ? full : `${full} ${label}`;
  return [
    '127.0.0.1\tlocalhost',
    ...(ipv6 ? ofIpv6 : []),
    ...extraHosts.map(({ name, address }) => `${address}\t${name}`),
    ...linked.map(({ address, names: all }) => `${address}\t${all.join(' ')}`),
    ...addresses.map((address) => `${address}\t${names}`),
  ]
    .map(fileLine)
    .join('');
}

/** `host-gateway` is the addresses given for it; without any the entry is left out, since it would name nothing. @throws invalid */
export function extraHostsOf(entries: readonly string[], gateways: readonly string[]): readonly ExtraHost[] {
  return entries.map(parseExtraHost).flatMap(({ name, address }) => {
    const addresses = address === hostGateway ? gateways : [address];
    return addresses.map((one) => ({ name, address: one }));
  });
}
