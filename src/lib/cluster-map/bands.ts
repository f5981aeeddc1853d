/** The part of `GET /fairlead/topology` that is shown. */
export interface ShownTopology {
  readonly nodes: readonly ShownNode[];
  readonly networks: readonly ShownNetwork[];
  readonly services: readonly ShownService[];
  readonly endpoints: readonly ShownEndpoint[];
}

export interface ShownNode {
  readonly id: string;
  readonly name: string;
  readonly advertise?: string | undefined;
  readonly state: string;
  readonly lastSeen?: string | undefined;
  readonly self: boolean;
}

export interface ShownNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly subnets: readonly { readonly subnet: string; readonly inUse?: number | undefined }[];
  readonly endpoints: string;
}

export interface ShownService {
  readonly id: string;
  readonly name: string;
  readonly network: string;
  readonly kind: string;
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  readonly providers: readonly string[];
}

export interface ShownEndpoint {
  readonly id: string;
  readonly name: string;
  readonly network: string;
  readonly node: string;
  readonly nodeName: string;
  readonly container: string;
  readonly containerName: string;
  readonly service?: string | undefined;
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  readonly healthy: boolean;
}

/** A network with the containers on it, by node. */
export interface Band {
  readonly network: ShownNetwork;
  readonly services: readonly BackedService[];
  readonly places: readonly Place[];
}

export interface BackedService {
  readonly service: ShownService;
  /** Without prefix length; empty: it has none of its own. */
  readonly address: string;
  readonly providers: readonly ShownEndpoint[];
}

/** A container on a network: its own endpoint, and those of the services that it backs. */
export interface Place {
  readonly container: string;
  readonly name: string;
  readonly node: string;
  readonly nodeName: string;
  /** Its own address, without prefix length; empty: it has none but its services'. */
  readonly address: string;
  readonly services: readonly { readonly name: string; readonly address: string }[];
  readonly healthy: boolean;
}

/** In the order of names, whatever order it came in. */
export function bandsOf(topology: ShownTopology): readonly Band[] {
  const services = grouped(topology.services, ({ network }) => network);
  const endpoints = grouped(topology.endpoints, ({ network }) => network);
  return sorted(topology.networks, ({ name }) => name).map((network) => {
    const here = endpoints.get(network.id) ?? [];
    return {
      network,
      services: sorted(services.get(network.id) ?? [], ({ name }) => name).map((service) => ({
        service,
        address: addressOf(service),
        providers: sorted(
          here.filter((endpoint) => endpoint.service === service.id),
          ({ containerName }) => containerName,
        ),
      })),
      places: placesOf(here),
    };
  });
}

/** What has nothing on it, and cannot have: Docker's `none` and `host`. */
export function isBare({ network, services, places }: Band): boolean {
  return ['null', 'host'].includes(network.driver) && services.length === 0 && places.length === 0;
}

/** The first address, without its prefix length. */
export function addressOf({ ipv4, ipv6 }: Pick<ShownEndpoint, 'ipv4' | 'ipv6'>): string {
  return (ipv4 ?? ipv6 ?? '').replace(/\/\d+$/, '');
}

function placesOf(endpoints: readonly ShownEndpoint[]): readonly Place[] {
  const places = [...grouped(endpoints, ({ container }) => container)].flatMap(([container, of]) => {
    const [first] = of;
    if (!first) return [];
    const own = of.find(({ service }) => service === undefined);
    const backed = of.filter(({ service }) => service !== undefined);
    return {
      ...{ container, name: first.containerName, node: first.node, nodeName: first.nodeName },
      address: own ? addressOf(own) : '',
      services: sorted(backed, ({ name }) => name).map((each) => ({
        name: each.name,
        address: addressOf(each),
      })),
      healthy: of.every(({ healthy }) => healthy),
    };
  });
  return sorted(places, ({ name }) => name);
}

const natural = new Intl.Collator('en', { numeric: true });

export function sorted<T>(all: readonly T[], by: (one: T) => string): readonly T[] {
  return [...all].sort((a, b) => natural.compare(by(a), by(b)));
}

function grouped<T>(all: readonly T[], by: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(by(one));
    if (group) group.push(one);
    else groups.set(by(one), [one]);
  }
  return groups;
}
