import type { Attachment, Container } from '../container.ts';
import type { EngineLinks } from '../host-links.ts';

/**
 * Containers with their places named by our ids, where network and endpoint are ours. A place on a network of ours
 * whose endpoint we did not make has none: nothing is known of it that could be told to others.
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
    const attachments = container.attachments.map((place) => this.#place(container.id, place));
    const translated = { ...container, attachments };
    this.#known.set(container, translated);
    return translated;
  }

  #place(containerId: string, place: Attachment): Attachment {
    const { endpoint, ...asked } = place;
    const network = this.links.networkOf(place.network) ?? this.#named(place);
    if (network === undefined) return place;
    const wish = this.links
      .serviceWishes()
      .find((one) => one.containerId === containerId && one.networkId === network);
    const ours = { ...asked, network, ...(wish ? { serviceId: wish.serviceId } : {}) };
    const link = endpoint && this.links.endpoint(endpoint.id);
    if (!link || link.networkId !== network) return ours;
    const { hostName, bridge } = link;
    return {
      ...ours,
      endpoint: link.endpoint,
      ...(hostName && bridge ? { interface: { name: '', source: { kind: 'veth', hostName, bridge } } } : {}),
    };
  }

  /** One that has never run may name its network instead of giving its id. */
  #named({ network }: Attachment): string | undefined {
    return this.links.engineNetworkOf(network) === undefined ? undefined : network;
  }
}
