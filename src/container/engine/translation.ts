import type { Container, Membership } from '../container.ts';
import type { EngineLinks } from '../host-engine.ts';

/**
 * Containers with their places named by our ids, where network and endpoint are ours. A place on a network of ours
 * whose endpoint we did not make is not joined: nothing is known of it that could be told to others.
 */
export class Translation {
  #generation = -1;
  #known = new WeakMap<Container, Container>();

  constructor(private readonly links: EngineLinks) {}

  of(container: Container): Container {
    if (this.#generation !== this.links.generation) {
      this.#generation = this.links.generation;
      this.#known = new WeakMap();
    }
    const known = this.#known.get(container);
    if (known) return known;
    const memberships = container.memberships.map((place) => this.#place(container.id, place));
    const translated = { ...container, memberships };
    this.#known.set(container, translated);
    return translated;
  }

  #place(containerId: string, place: Membership): Membership {
    const { joined, ...asked } = place;
    const network = this.links.networkOf(place.network) ?? this.#named(place);
    if (network === undefined) return place;
    const backing = this.links
      .backings()
      .find((one) => one.containerId === containerId && one.networkId === network);
    const ours = { ...asked, network, ...(backing ? { serviceId: backing.serviceId } : {}) };
    const link = joined && this.links.endpoint(joined.endpointId);
    if (!link || link.networkId !== network) return ours;
    const { endpointId, ipv4, ipv6, mac, hostName, bridge } = link;
    return {
      ...ours,
      joined: {
        endpointId,
        ...(ipv4 ? { ipv4 } : {}),
        ...(ipv6 ? { ipv6 } : {}),
        ...(mac ? { mac } : {}),
        ...(hostName && bridge ? { source: { kind: 'veth', hostName, bridge } } : {}),
      },
    };
  }

  /** One that has never run may name its network instead of giving its id. */
  #named({ network }: Membership): string | undefined {
    return this.links.engineNetworkOf(network) === undefined ? undefined : network;
  }
}
