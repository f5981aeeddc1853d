export interface ResolvConf {
  /** Addresses of this node's DNS responders, asked first. */
  readonly resolvers: readonly string[];
  /** `--dns`: further servers. */
  readonly dns: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** Names are tried as they are (`ndots:0`), as in the Engine's user networks (docker-facts §7). */
export function renderResolvConf({ resolvers, dns, search, options }: ResolvConf): string {
  const servers = [...resolvers, ...dns].map((address) => `nameserver ${address}`);
  const all = options.some((option) => option.startsWith('ndots:')) ? options : [...options, 'ndots:0'];
  const searched = search.length > 0 ? [`search ${search.join(' ')}`] : [];
  return [...servers, ...searched, `options ${all.join(' ')}`, ''].join('\n');
}

export interface Hosts {
  readonly hostname: string;
  readonly domainname: string;
  /** The container's own, without prefix length. */
  readonly addresses: readonly string[];
  /** `name:address` */
  readonly extraHosts: readonly string[];
}

/** The Engine's layout (docker-facts §3); nothing of other containers is in it: names are a matter of DNS. */
export function renderHosts({ hostname, domainname, addresses, extraHosts }: Hosts): string {
  const names = domainname === '' ? hostname : `${hostname}.${domainname} ${hostname}`;
  return [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'ff00::0\tip6-mcastprefix',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    ...extraHosts.map(extraHost),
    ...addresses.map((address) => `${address}\t${names}`),
    '',
  ].join('\n');
}

/** The name ends at the first colon: an IPv6 address has more of them. */
function extraHost(entry: string): string {
  const colon = entry.indexOf(':');
  return `${entry.slice(colon + 1)}\t${entry.slice(0, colon)}`;
}
