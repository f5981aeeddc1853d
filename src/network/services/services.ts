import { inOrder } from '../../cluster/endpoints/standby.ts';
import type { Endpoint, Network, Service } from '../../cluster/records.ts';
import { FairleadError, isKind } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import type { NetworkContext } from '../context.ts';
import type {
  AttachOptions,
  Containers,
  Services as Contract,
  ImplicitService,
  PublishOptions,
  ServiceView,
} from '../model.ts';
import type { Networks } from '../networks/networks.ts';
import { candidateNamed, promote } from './promotion.ts';
import { publishService, stillProvided, unpublishService } from './publication.ts';
import { parseServiceName } from './service-name.ts';

/** How often standbys may be faster than a forced unpublish. */
const maxTakeOvers = 10;
/** How long a promoted standby has to take over, in milliseconds. */
const takeOverMs = 10_000;
const lookEveryMs = 20;

/** Who puts containers behind services: ours (containers/attachments.ts), or an Engine's (engine/attachments.ts). */
export interface ServiceBackends {
  attach(service: Service, network: Network, containerId: string, options?: AttachOptions): Promise<void>;
  detach(service: Service, network: Network, containerId: string): Promise<void>;
  /** Takes a provider off: a container of this host, or the record of one that is elsewhere or gone. */
  evict(network: Network, endpoint: Endpoint): Promise<void>;
}

export class Services implements Contract {
  constructor(
    private readonly parts: NetworkContext,
    private readonly networks: Networks,
    private readonly containers: Pick<Containers, 'find'>,
    private readonly attachments: ServiceBackends,
  ) {}

  async list(filter: { readonly networkRef?: string } = {}): Promise<readonly ServiceView[]> {
    const networks = this.#selected(filter.networkRef);
    const services = this.parts.directory.services().filter(({ networkId }) => networks.has(networkId));
    const endpoints = await this.#endpointsOf(new Set(services.map(({ networkId }) => networkId)));
    const providers = byService([...endpoints.values()].flat());
    const candidates = byService(this.parts.directory.candidates());
    const views = services.flatMap((service) => {
      const network = networks.get(service.networkId);
      if (!network) return [];
      const standing = inOrder(service, candidates.get(service.id) ?? []);
      return [{ service, network, providers: providers.get(service.id) ?? [], candidates: standing }];
    });
    return sortedByName(views);
  }

  async withId(id: string): Promise<ServiceView | undefined> {
    const service = this.parts.directory.services().find((candidate) => candidate.id === id);
    const network = service && this.parts.directory.network(service.networkId);
    return network && this.#viewOf(service, network, await this.#endpointsIfKnown(network.id));
  }

  async implicit(filter: { readonly networkRef?: string } = {}): Promise<readonly ImplicitService[]> {
    const networks = this.#selected(filter.networkRef);
    const endpoints = await this.#endpointsOf(new Set(networks.keys()));
    return [...endpoints.values()].flat().flatMap((endpoint) => {
      const network = networks.get(endpoint.networkId);
      return network && endpoint.serviceId === undefined ? [{ endpoint, network }] : [];
    });
  }

  async find(ref: string): Promise<ServiceView> {
    const services = this.parts.directory.services();
    const byId = services.find(({ id }) => id === ref);
    const service = byId ?? this.#byName(ref) ?? this.#byPrefix(ref, services) ?? this.#byIdOn(ref, services);
    if (!service) {
      const { service: name, network } = parseServiceName(ref, this.networks);
      this.parts.directory.requireComplete(`service ${ref}`);
      throw new FairleadError('not-found', `Service ${name} not found on network ${network.name}`);
    }
    const network = this.networks.find(service.networkId);
    return this.#viewOf(service, network, await this.networks.endpoints(network.id));
  }

  async publish(ref: string, options: PublishOptions = {}): Promise<ServiceView> {
    const { service, network } = parseServiceName(ref, this.networks);
    return await this.#publish(network, service, options);
  }

  async publishOn(networkRef: string, name: string, options: PublishOptions = {}): Promise<ServiceView> {
    const network = networkRef === '' ? this.networks.defaultNetwork() : this.networks.find(networkRef);
    return await this.#publish(network, name, options);
  }

  async unpublish(serviceId: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const view = await this.find(serviceId);
    if (options.force) await this.#unpublishNow(view);
    else if (view.providers.length > 0) throw stillProvided(view.service, view.providers);
    else await this.parts.locks.shared(() => unpublishService(this.parts, view.service, view.network));
    this.#emit(view, 'unpublish');
  }

  /** A standby may take it over between the two, and goes as well. */
  async #unpublishNow({ service, network, providers }: ServiceView): Promise<void> {
    for (let left = maxTakeOvers, current = providers; ; left -= 1) {
      for (const provider of current) await this.attachments.evict(network, provider);
      try {
        return await this.parts.locks.shared(() => unpublishService(this.parts, service, network));
      } catch (error) {
        if (!isKind(error, 'forbidden') || left === 0) throw error;
        current = (await this.find(service.id)).providers;
      }
    }
  }

  async attach(ref: string, containerRef: string, options: AttachOptions = {}): Promise<ServiceView> {
    const { service, network } = await this.find(ref);
    const container = this.containers.find(containerRef).id;
    await this.attachments.attach(service, network, container, options);
    const view = this.#viewOf(service, network, await this.networks.endpoints(network.id));
    this.#emit(view, 'attach', { container });
    return view;
  }

  async promote(
    ref: string,
    containerRef: string,
    { preempt = false }: { readonly preempt?: boolean } = {},
  ): Promise<ServiceView> {
    const view = await this.find(ref);
    const { containerId, containerName } = candidateNamed(view, containerRef);
    const { service, network } = view;
    await promote(this.parts, service, network, { containerId, preempt });
    for (const end = this.parts.clock.monotonic() + takeOverMs; ; ) {
      const now = await this.find(service.id);
      if (now.providers[0]?.containerId === containerId) {
        this.#emit(now, 'promote', { container: containerId });
        return now;
      }
      if (this.parts.clock.monotonic() > end) break;
      await new Promise<void>((resolve) => this.parts.clock.after(lookEveryMs, resolve));
    }
    await promote(this.parts, service, network, service.promoted);
    throw new FairleadError(
      'unavailable',
      `container ${containerName} did not take over service ${service.name}.${network.name} within ${takeOverMs / 1000} s: see the log of its node`,
    );
  }

  async detach(serviceId: string, containerRef: string): Promise<void> {
    const view = await this.find(serviceId);
    const container = this.containers.find(containerRef).id;
    await this.attachments.detach(view.service, view.network, container);
    this.#emit(view, 'detach', { container });
  }

  async #publish(network: Network, name: string, options: PublishOptions): Promise<ServiceView> {
    this.networks.requireOurs(network, `publish ${name}.${network.name}`);
    const { locks } = this.parts;
    return await locks.shared(() =>
      locks.run('network', network.id, async () => {
        const service = await publishService(this.parts, network, name, options);
        const view = { service, network, providers: [], candidates: [] };
        this.#emit(view, 'publish');
        return view;
      }),
    );
  }

  #selected(networkRef: string | undefined): ReadonlyMap<string, Network> {
    const networks = networkRef ? [this.networks.find(networkRef)] : this.networks.list();
    return new Map(networks.map((network) => [network.id, network]));
  }

  async #endpointsOf(networkIds: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly Endpoint[]>> {
    const pairs = [...networkIds].map(async (id) => [id, await this.#endpointsIfKnown(id)] as const);
    return new Map(await Promise.all(pairs));
  }

  /** A list goes on while the KV store is away; who provides on networks that are not followed is not known then. */
  async #endpointsIfKnown(networkId: string): Promise<readonly Endpoint[]> {
    try {
      return await this.networks.endpoints(networkId);
    } catch (error) {
      if (isKind(error, 'unavailable')) return [];
      throw error;
    }
  }

  #byName(ref: string): Service | undefined {
    const { service, network } = parseServiceName(ref, this.networks);
    return this.parts.directory.serviceEntry(network.id, service)?.record;
  }

  /** `ID.NETWORK`, as the client of 2015 looked for both (docker-facts 1.4). */
  #byIdOn(ref: string, services: readonly Service[]): Service | undefined {
    const { service, network } = parseServiceName(ref, this.networks);
    return this.#byPrefix(
      service,
      services.filter(({ networkId }) => networkId === network.id),
    );
  }

  #byPrefix(ref: string, services: readonly Service[]): Service | undefined {
    const candidates = /^[0-9a-f]+$/.test(ref) ? services.filter(({ id }) => id.startsWith(ref)) : [];
    if (candidates.length < 2) return candidates[0];
    const list = candidates.map(({ id, name }) => `${shortId(id)} (${name})`).join(', ');
    throw new FairleadError(
      'invalid',
      `service ${ref} is ambiguous (${candidates.length} matches found based on ID prefix): ${list}`,
    );
  }

  #viewOf(service: Service, network: Network, endpoints: readonly Endpoint[]): ServiceView {
    const isIts = ({ serviceId }: { readonly serviceId?: string | undefined }) => serviceId === service.id;
    return {
      service,
      network,
      providers: endpoints.filter(isIts),
      candidates: inOrder(service, this.parts.directory.candidatesOf(service.id)),
    };
  }

  #emit({ service, network }: ServiceView, action: string, more: Record<string, string> = {}): void {
    const Attributes = { name: service.name, network: network.name, ...more };
    this.parts.events.emit({
      Type: 'service',
      Action: action,
      Actor: { ID: service.id, Attributes },
      scope: network.scope,
    });
  }
}

function byService<T extends { readonly serviceId?: string | undefined }>(
  all: readonly T[],
): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) {
    if (one.serviceId === undefined) continue;
    const known = found.get(one.serviceId);
    if (known) known.push(one);
    else found.set(one.serviceId, [one]);
  }
  return found;
}

/** By service, then by network. Each name is compared once only: that is what takes the time of a long list. */
function sortedByName(views: readonly ServiceView[]): readonly ServiceView[] {
  const services = ranksOf(views.map(({ service }) => service.name));
  const networks = ranksOf(views.map(({ network }) => network.name));
  const rank = ({ service, network }: ServiceView) =>
    (services.get(service.name) ?? 0) * networks.size + (networks.get(network.name) ?? 0);
  return views
    .map((view) => ({ view, at: rank(view) }))
    .sort((a, b) => a.at - b.at)
    .map(({ view }) => view);
}

function ranksOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...new Set(names)].sort().map((name, rank) => [name, rank]));
}
