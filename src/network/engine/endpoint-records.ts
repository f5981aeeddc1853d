import { dnsPolicyOption } from '../../cluster/endpoints/dns-policy.ts';
import { endpointFor } from '../../cluster/endpoints/endpoint.ts';
import type { Endpoint, Service } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import { isKind, messageOf } from '../../lib/errors.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import type { AliasOverrides } from './alias-overrides.ts';

export interface EndpointRecordsDeps {
  readonly parts: Pick<NetworkContext, 'directory' | 'presence' | 'locks' | 'log'>;
  readonly engine: EngineSide;
  readonly endpoints: EndpointStore;
  readonly overrides: AliasOverrides;
}

/** Gives the endpoints that the Engine has made their containers' names, aliases and health, and keeps them so. */
export class EndpointRecords {
  constructor(private readonly deps: EndpointRecordsDeps) {}

  /** @throws unavailable | conflict or not-found when it is lost. Another fault is logged: other endpoints come next */
  async keep(container: Container, attachment: Attachment): Promise<void> {
    const { parts, endpoints } = this.deps;
    const network = parts.directory.network(attachment.network);
    const { endpoint } = attachment;
    if (!endpoint || !network) return;
    try {
      await parts.presence.during(network, () =>
        // In turn with the endpoint's removal (plugin/endpoints.ts), after which nothing may put it again.
        parts.locks.run('endpoint', endpoint.id, async () => {
          if (!this.#isLinked(endpoint)) return;
          await endpoints.keep(network, this.#wanted(container, attachment, endpoint), attachment.serviceId);
        }),
      );
    } catch (error) {
      if (expected.some((kind) => isKind(error, kind))) throw error;
      parts.log.error(
        { err: error },
        `container ${container.name} on network ${network.name}: ${messageOf(error)}`,
      );
    }
  }

  #isLinked({ id }: Endpoint): boolean {
    return [...this.deps.engine.links.endpoints().values()].some(({ endpoint }) => endpoint.id === id);
  }

  #wanted(container: Container, attachment: Attachment, endpoint: Endpoint): Endpoint {
    const service = this.#backedBy(attachment, endpoint);
    // An endpoint of a service has no names of the container's own.
    const naming = service ? { aliases: [] } : this.deps.overrides.of(container.id);
    const policy = naming.dnsPolicy ? { [dnsPolicyOption]: naming.dnsPolicy } : {};
    const wish = {
      links: attachment.links ?? [],
      aliases: [...attachment.aliases, ...naming.aliases],
      driverOptions: { ...attachment.driverOptions, ...policy },
    };
    // The container's DNS servers do not concern us: the Engine's resolver asks them, and us among them.
    const holder = { ...container, spec: { ...container.spec, dns: [] } };
    return endpointFor(endpoint, holder, wish, service);
  }

  /** The endpoint's id names an exclusive service, the wish a shared one. */
  #backedBy({ serviceId }: Attachment, { id }: Endpoint): Service | undefined {
    const services = this.deps.parts.directory.services();
    return services.find((one) => (one.shared ? one.id === serviceId : one.endpointId === id));
  }
}

const expected = ['unavailable', 'conflict', 'not-found'] as const;
