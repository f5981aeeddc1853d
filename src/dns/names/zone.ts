import type { Endpoint, Link, Network } from '../../cluster/records.ts';
import { contains, parseAddress, parseSubnet, type Subnet, withoutPrefix } from '../../lib/addresses.ts';
import { shortId } from '../../lib/ids.ts';
import { foldCase, isName } from '../../lib/names.ts';
import { keyOf, type Labels, labelsOf } from '../wire/labels.ts';

/** What names are made of. */
export type NamedNetwork = Pick<Network, 'id' | 'name' | 'ipam' | 'internal'>;
export type NamedEndpoint = Pick<
  Endpoint,
  | 'id'
  | 'name'
  | 'serviceId'
  | 'containerId'
  | 'containerName'
  | 'nodeId'
  | 'created'
  | 'aliases'
  | 'links'
  | 'hostname'
  | 'servers'
  | 'healthy'
  | 'dnsPolicy'
  | 'ports'
  | 'ipv4'
  | 'ipv6'
>;

/** An endpoint with its addresses as canonical text; absent where it has none of that family. */
export interface Host {
  readonly endpoint: NamedEndpoint;
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
}

/** The names of one network at one moment. Never changed: a change of the network makes another. */
export interface Zone {
  readonly network: NamedNetwork;
  /** The network's name, as labels and folded; of a name that DNS cannot have, its short id. */
  readonly labels: Labels;
  readonly key: string;
  /** Which swap of the name table this zone came with. */
  readonly generation: number;
  readonly subnets: readonly Subnet[];
  /** Folded name without the network → who has it. */
  readonly names: ReadonlyMap<string, readonly Host[]>;
  /** Folded `x` of `*.x` → who has it. */
  readonly wildcards: ReadonlyMap<string, readonly Host[]>;
  /** Names that have no records but names below them (RFC 4592 section 2.2.2). */
  readonly ancestors: ReadonlySet<string>;
  /** Every endpoint, the withheld ones included: they may ask, though they are not answered for. */
  readonly byAddress: ReadonlyMap<string, Host>;
  /** Container → when it joined first. */
  readonly containers: ReadonlyMap<string, string>;
  /** Container → the servers that it asks for what is not ours, in place of the daemon's. */
  readonly servers: ReadonlyMap<string, readonly string[]>;
  /** Container → its own names for others here. */
  readonly links: ReadonlyMap<string, readonly ZoneLink[]>;
}

/** Folded. */
export interface ZoneLink {
  readonly alias: string;
  readonly target: string;
}

/** Undefined for a network that DNS has nothing to say about: nothing on it has an address. */
export function buildZone(
  network: NamedNetwork,
  endpoints: readonly NamedEndpoint[],
  generation: number,
): Zone | undefined {
  // Without pools there are no addresses: `host` and `none`, which must not shadow a top-level domain.
  if (network.ipam.pools.length === 0 && !endpoints.some(({ ipv4, ipv6 }) => ipv4 ?? ipv6)) return undefined;
  const labels = (isName(network.name) && labelsOf(network.name)) || [shortId(network.id)];
  const builder = new ZoneBuilder();
  for (const endpoint of inOrder(endpoints)) builder.add(endpoint);
  return {
    network,
    labels,
    key: keyOf(labels),
    generation,
    subnets: network.ipam.pools.flatMap(({ subnet }) => attempt(() => parseSubnet(subnet)) ?? []),
    names: builder.names,
    wildcards: builder.wildcards,
    ancestors: builder.ancestors,
    byAddress: builder.byAddress,
    containers: builder.containers,
    servers: builder.servers,
    links: builder.links,
  };
}

/** So that every node rotates over the same list. */
function inOrder(endpoints: readonly NamedEndpoint[]): readonly NamedEndpoint[] {
  return [...endpoints].sort((a, b) => compare(a.created, b.created) || compare(a.id, b.id));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

class ZoneBuilder {
  readonly names = new Map<string, Host[]>();
  readonly wildcards = new Map<string, Host[]>();
  readonly ancestors = new Set<string>();
  readonly byAddress = new Map<string, Host>();
  readonly containers = new Map<string, string>();
  readonly servers = new Map<string, readonly string[]>();
  readonly links = new Map<string, ZoneLink[]>();

  add(endpoint: NamedEndpoint): void {
    const host: Host = {
      endpoint,
      ipv4: endpoint.ipv4 === undefined ? undefined : canonicalIpv4(endpoint.ipv4),
      ipv6: endpoint.ipv6 === undefined ? undefined : canonicalIpv6(endpoint.ipv6),
    };
    // One list for all names that only this one has: there may be tens of thousands.
    const alone = [host];
    const { containerId, created, links, servers } = endpoint;
    if (!this.containers.has(containerId)) this.containers.set(containerId, created);
    if (servers) this.servers.set(containerId, servers);
    if (links) this.links.set(containerId, [...(this.links.get(containerId) ?? []), ...links.map(folded)]);
    for (const address of [host.ipv4, host.ipv6]) if (address) this.byAddress.set(address, host);
    if (endpoint.healthy) for (const name of namesOf(endpoint)) this.#addName(name, alone);
  }

  #addName(name: string, alone: Host[]): void {
    const isWildcard = name.startsWith('*.');
    const base = isWildcard ? name.slice(2) : name;
    if (base.includes('*') || !labelsOf(base)) return;
    join(isWildcard ? this.wildcards : this.names, base, alone);
    if (isWildcard) this.ancestors.add(base);
    for (let dot = base.indexOf('.'); dot >= 0; dot = base.indexOf('.', dot + 1)) {
      this.ancestors.add(base.slice(dot + 1));
    }
  }
}

/** Folded; each once, though a container may be named like its service. */
function namesOf(endpoint: NamedEndpoint): ReadonlySet<string> {
  const { name, containerName, containerId, aliases, hostname = '' } = endpoint;
  const all = [name, containerName, shortId(containerId), ...aliases, hostname];
  return new Set(all.filter(Boolean).map(foldCase));
}

function folded({ alias, target }: Link): ZoneLink {
  return { alias: foldCase(alias), target: foldCase(target) };
}

/** The lists of single hosts are shared; what is added to is a list of its own. */
function join(hosts: Map<string, Host[]>, name: string, alone: Host[]): void {
  const known = hosts.get(name);
  if (!known) hosts.set(name, alone);
  else if (known.length === 1) hosts.set(name, [...known, ...alone]);
  else known.push(...alone);
}

/** Zones of thousands of endpoints are rebuilt between two queries, so IPv4 does without the library. */
function canonicalIpv4(cidr: string): string | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/|$)/.exec(cidr);
  const octets = match?.slice(1, 5).map(Number);
  return octets?.every((octet) => octet <= 255) ? octets.join('.') : undefined;
}

function canonicalIpv6(cidr: string): string | undefined {
  return attempt(() => parseAddress(withoutPrefix(cidr)));
}

/** One bad record must not take the network's other names away. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

/** Whether every address from first to last is the subnet's. */
export function containsRange(
  subnet: Subnet,
  range: { readonly family: number; readonly first: bigint; readonly last: bigint },
): boolean {
  return subnet.family === range.family && range.first >= subnet.first && range.last <= subnet.last;
}

export function isOnSubnetOf({ subnets }: Zone, address: string): boolean {
  return subnets.some((subnet) => contains(subnet, address));
}
