import { isAddress } from '../lib/addresses.ts';
import { fileLine, hasControl } from '../lib/plain-text.ts';

/** What a resolv.conf says, as far as a container takes it over from its host. */
export interface HostResolvConf {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** Lines of other words (`sortlist`). */
  readonly others: readonly string[];
}

/** Of several `search` and `domain` lines the last counts, options add up: resolv.conf(5). Odd lines are passed over. */
function parseHostResolvConf(text: string): HostResolvConf {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim().split(/[ \t]+/));
  const clean = lines.filter(
    ([word = '#', ...rest]) => /^[^#;]/.test(word) && rest.length > 0 && !hasControl(rest.join('')),
  );
  const valuesOf = (...words: string[]) =>
    clean.flatMap(([word = '', ...rest]) => (words.includes(word) ? [rest] : []));
  const known = ['nameserver', 'search', 'domain', 'options'];
  return {
    nameservers: valuesOf('nameserver').flatMap(([address = '']) => (isAddress(address) ? address : [])),
    search: (valuesOf('search', 'domain').at(-1) ?? []).filter(isNoRoot),
    options: valuesOf('options').flat(),
    others: clean
      .filter(([word = '']) => !known.includes(word) && !hasControl(word))
      .map((words) => words.join(' ')),
  };
}

export interface ResolvConf {
  /** The text of the host's own. */
  readonly host: string;
  /** This node's DNS responder; absent: nobody answers names where the container is. */
  readonly resolver: string | undefined;
  /** `--dns`, `--dns-search` and `--dns-option`: each takes the place of what the host says. */
  readonly dns: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** The container is on the host's network stack. */
  readonly isOnHost: boolean;
}

/**
 * As the Engine makes it (libnetwork's internal/resolvconf, 28.5): one nameserver line, which is ours, and the host's
 * search list and options. Who has one server more, even after ours, asks it in ours' place when ours is slow, and musl
 * asks both at once. So a container's own servers are asked by ours. Names are tried as they are first (`ndots:0`) unless
 * somebody says otherwise. @throws as fileLine
 */
export function renderResolvConf(conf: ResolvConf): string {
  const { resolver, dns, isOnHost } = conf;
  if (isOnHost && [...dns, ...conf.search, ...conf.options].length === 0) return conf.host;
  const host = parseHostResolvConf(conf.host);
  const search = (conf.search.length > 0 ? conf.search : host.search).filter(isNoRoot);
  const options = withNdots(conf.options.length > 0 ? conf.options : host.options, resolver !== undefined);
  return [
    ...nameservers(conf, host).map((address) => `nameserver ${address}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    ...host.others,
    ...(resolver !== undefined && dns.length > 0 ? [`# ExtServers: [${dns.join(' ')}]`] : []),
  ]
    .map(fileLine)
    .join('');
}

/** Where nobody of ours answers: the host's, but for those that only the host reaches. */
function nameservers({ resolver, dns, isOnHost }: ResolvConf, host: HostResolvConf): readonly string[] {
  if (resolver !== undefined) return [resolver];
  if (dns.length > 0) return dns;
  const isReached = (address: string) => isOnHost || !(address.startsWith('127.') || address === '::1');
  return host.nameservers.filter(isReached);
}

/** One that is no number is left out, as there. */
function withNdots(options: readonly string[], isNeeded: boolean): readonly string[] {
  if (!isNeeded) return options;
  const valid = options.filter((option) => !/^ndots(:|$)/.test(option) || /^ndots:\d+$/.test(option));
  return valid.some((option) => option.startsWith('ndots:')) ? valid : [...valid, 'ndots:0'];
}

/** `--dns-search .` takes the host's search list away. */
function isNoRoot(domain: string): boolean {
  return domain !== '.';
}
