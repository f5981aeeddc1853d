import { fileLine } from '../lib/plain-text.ts';
import { type ExtraHost, hostGateway, parseExtraHost } from './extra-host.ts';

export interface ResolvConf {
  /** Addresses of this node's DNS responders, asked first. */
  readonly resolvers: readonly string[];
  /** `--dns`: further servers. */
  readonly dns: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** Names are tried as they are (`ndots:0`), as in the Engine's user networks (docker-facts §7). @throws as fileLine */
export function renderResolvConf({ resolvers, dns, search, options }: ResolvConf): string {
  const servers = [...resolvers, ...dns].map((address) => `nameserver ${address}`);
  const all = options.some((option) => option.startsWith('ndots:')) ? options : [...options, 'ndots:0'];
  const searched = search.length > 0 ? [`search ${search.join(' ')}`] : [];
  return [...servers, ...searched, `options ${all.join(' ')}`].map(fileLine).join('');
}

export interface Hosts {
  readonly hostname: string;
  readonly domainname: string;
  /** The container's own, without prefix length. */
  readonly addresses: readonly string[];
  /** As `extraHostsOf` has them. */
  readonly extraHosts: readonly ExtraHost[];
  /** Of containers that are linked on the default network. */
  readonly linked?: readonly { readonly address: string; readonly names: readonly string[] }[];
}

/**
 * The Engine's layout (docker-facts §3); of other containers only links are in it: names are a matter of DNS.
 * @throws as fileLine
 */
export function renderHosts({ hostname, domainname, addresses, extraHosts, linked = [] }: Hosts): string {
  const names = domainname === '' ? hostname : `${hostname}.${domainname} ${hostname}`;
  return [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'ff00::0\tip6-mcastprefix',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    ...extraHosts.map(({ name, address }) => `${address}\t${name}`),
    ...linked.map(({ address, names: all }) => `${address}\t${all.join(' ')}`),
    ...addresses.map((address) => `${address}\t${names}`),
  ]
    .map(fileLine)
    .join('');
}

/** `host-gateway` is the address given for it; without one the entry is left out, since it would name nothing. @throws invalid */
export function extraHostsOf(entries: readonly string[], gateway: string | undefined): readonly ExtraHost[] {
  return entries.map(parseExtraHost).flatMap(({ name, address }) => {
    if (address !== hostGateway) return [{ name, address }];
    return gateway === undefined ? [] : [{ name, address: gateway }];
  });
}
