import { isDeepStrictEqual } from 'node:util';
import { dnsPolicyOption } from '../../cluster/endpoints/dns-policy.ts';
import { endpointFor } from '../../cluster/endpoints/endpoint.ts';
import type { Endpoint, Network, Service } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import { isKind, messageOf } from '../../lib/errors.ts';
import { parseName } from '../../lib/names.ts';
import { SerialQueue } from '../../lib/serial-queue.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import type { Naming } from '../model.ts';
import type { AliasOverrides } from './alias-overrides.ts';
import type { EngineTasks } from './engine-tasks.ts';

export interface EndpointNamesDeps {
  readonly parts: NetworkContext;
  readonly engine: EngineSide;
  readonly endpoints: EndpointStore;
  readonly overrides: AliasOverrides;
  readonly tasks: EngineTasks;
}

/** Gives the endpoints that the Engine has made their containers' names, aliases and health, and keeps them so. */
export class EndpointNames {
  readonly #queue = new SerialQueue();

  constructor(private readonly deps: EndpointNamesDeps) {}

  /** Adds these names on the container's own attachments to our networks, instead of those before. */
  async setAliases(containerId: string, naming: Naming): Promise<void> {
    for (const name of naming.aliases) parseName('alias', name);
    if (isDeepStrictEqual(naming, this.deps.overrides.of(containerId))) return;
    if (naming.aliases.length > 0) await this.deps.overrides.set(containerId, naming);
    else await this.deps.overrides.drop(containerId);
    await this.converge(containerId);
  }

  /** The container was removed. */
  async forget(containerId: string): Promise<void> {
    if (this.deps.overrides.of(containerId).aliases.length > 0) await this.deps.overrides.drop(containerId);
  }

  /**
   * After: the endpoints of a running container are in the store and say what is known of it. What fails is logged, and
   * tried again by reconcile.
   */
  async converge(containerId: string): Promise<void> {
    await this.#queue.run(containerId, async () => {
      const container = this.deps.parts.runtime.get(containerId);
      if (container?.state.status !== 'running') return;
      for (const attachment of container.attachments) {
        const network = this.deps.parts.directory.network(attachment.network);
        const { endpoint } = attachment;
        if (endpoint && network) await this.#keep(container, attachment, network, endpoint);
      }
    });
  }

  async #keep(
    container: Container,
    attachment: Attachment,
    network: Network,
    endpoint: Endpoint,
  ): Promise<void> {
    const { parts, endpoints } = this.deps;
    try {
      await parts.presence.during(network, () =>
        // In turn with the endpoint's removal (endpoints.ts), after which nothing may put it again.
        parts.locks.run('endpoint', endpoint.id, async () => {
          if (!this.#isLinked(endpoint)) return;
          const wanted = this.#wanted(container, attachment, endpoint);
          await endpoints.keep(network, wanted, attachment.serviceId);
        }),
      );
    } catch (error) {
      // With the KV store away there is nothing to be said against this one.
      if (isKind(error, 'unavailable')) return;
      const where = `network ${network.name}`;
      if (isKind(error, 'conflict') || isKind(error, 'not-found'))
        this.#lose(container, attachment, where, error);
      else parts.log.error({ err: error }, `container ${container.name} on ${where}: ${messageOf(error)}`);
    }
  }

  #isLinked({ id }: Endpoint): boolean {
    return [...this.deps.engine.links.endpoints().values()].some(({ endpoint }) => endpoint.id === id);
  }

  #wanted(container: Container, attachment: Attachment, endpoint: Endpoint): Endpoint {
    const { directory, nodeLease } = this.deps.parts;
    const service = this.#serviceOf(attachment, endpoint);
    // Of services that it backs none has names of the container's own.
    const naming = service ? { aliases: [] } : this.deps.overrides.of(container.id);
    const policy = naming.dnsPolicy ? { [dnsPolicyOption]: naming.dnsPolicy } : {};
    const wish = {
      aliases: [...attachment.aliases, ...naming.aliases],
      driverOptions: { ...attachment.driverOptions, ...policy },
    };
    const shown = directory.endpointEntry(endpoint.networkId, endpoint.id)?.record;
    const identity = endpoint.nodeId === '' && shown ? shown : { ...endpoint, nodeId: nodeLease.self.id };
    // Its servers are no business of ours: the Engine's resolver asks them, and us among them.
    const holder = { ...container, spec: { ...container.spec, dns: [] } };
    return endpointFor(identity, holder, wish, service);
  }

  /** Of an exclusive service the endpoint's id tells, of a shared one what was asked for. */
  #serviceOf({ serviceId }: Attachment, { id }: Endpoint): Service | undefined {
    const services = this.deps.parts.directory.services();
    return services.find((one) => (one.shared ? one.id === serviceId : one.endpointId === id));
  }

  /** What went to somebody else while this node was away is let go of, and people must be able to find out. */
  #lose(container: Container, attachment: Attachment, where: string, error: unknown): void {
    const { parts, engine, tasks } = this.deps;
    parts.log.warn(
      { err: error },
      `container ${container.name} is detached from ${where}: ${messageOf(error)}`,
    );
    const engineNetwork = engine.links.engineNetworkOf(attachment.network);
    if (engineNetwork === undefined) return;
    tasks.run(`disconnect ${container.name} from ${where}`, () =>
      engine.host.disconnect(engineNetwork, container.id),
    );
  }
}
