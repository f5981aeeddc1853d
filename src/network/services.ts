import { keys } from '../cluster/keys.ts';
import type { Endpoint, Network, Service } from '../cluster/records.ts';
import { commitWithRetry } from '../cluster/retry.ts';
import { macFor, withoutPrefix } from '../lib/addresses.ts';
import { FairleadError } from '../lib/errors.ts';
import { newId, shortId } from '../lib/ids.ts';
import { foldCase, parseName } from '../lib/names.ts';
import { timestamp } from '../lib/time.ts';
import type { Containers } from './containers.ts';
import type { Claim } from './ipam.ts';
import type { Services as Contract, ImplicitService, PublishOptions, ServiceView } from './model.ts';
import type { Networks } from './networks.ts';
import type { Parts } from './parts.ts';
import { parseServiceName } from './service-name.ts';

const collator = new Intl.Collator('en', { numeric: true });

export class Services implements Contract {
  constructor(
    private readonly parts: Parts,
    private readonly networks: Networks,
    private readonly containers: Containers,
  ) {}

  async list(filter: { readonly networkRef?: string } = {}): Promise<readonly ServiceView[]> {
    const networks = this.#selected(filter.networkRef);
    const services = this.parts.directory.services().filter(({ networkId }) => networks.has(networkId));
    const endpoints = await this.#endpointsOf(new Set(services.map(({ networkId }) => networkId)));
    return services.flatMap((service) => viewOf(service, networks, endpoints)).sort(byName);
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
    const service = byId ?? this.#byName(ref) ?? this.#byPrefix(ref, services);
    if (!service) {
      const { service: name, network } = parseServiceName(ref, this.networks);
      throw new FairleadError('not-found', `Service ${name} not found on network ${network.name}`);
    }
    const network = this.networks.find(service.networkId);
    const providers = (await this.networks.endpoints(network.id)).filter(
      ({ serviceId }) => serviceId === service.id,
    );
    return { service, network, providers };
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
    if (options.force) {
      for (const provider of view.providers) await this.containers.evict(view.network, provider);
    } else if (view.providers.length > 0) {
      throw stillProvided(view.service, view.providers);
    }
    await this.parts.gate.shared(() => this.#unpublish(view.service, view.network));
    this.#emit(view, 'unpublish');
  }

  async attach(serviceId: string, containerRef: string): Promise<ServiceView> {
    const { service, network } = await this.find(serviceId);
    await this.containers.attach(service, network, containerRef);
    const view = await this.find(service.id);
    this.#emit(view, 'attach', { container: this.containers.find(containerRef).id });
    return view;
  }

  async detach(serviceId: string, containerRef: string): Promise<void> {
    const view = await this.find(serviceId);
    await this.containers.detach(view.service, view.network, containerRef);
    this.#emit(view, 'detach', { container: containerRef });
  }

  #publish(network: Network, name: string, options: PublishOptions): Promise<ServiceView> {
    const { gate, queue } = this.parts;
    return gate.shared(() =>
      queue.run(`network ${network.id}`, async () => {
        const service = await publishService(this.parts, network, name, options);
        const view = { service, network, providers: [] };
        this.#emit(view, 'publish');
        return view;
      }),
    );
  }

  #unpublish(service: Service, network: Network): Promise<void> {
    const { directory, ipam } = this.parts;
    return commitWithRetry(directory, network.scope, `unpublish ${service.name}`, async () => {
      const entry = directory.serviceEntry(network.id, service.name);
      if (entry?.record.id !== service.id) {
        throw new FairleadError('not-found', `Service ${service.name} not found on network ${network.name}`);
      }
      const addresses = [service.ipv4, service.ipv6].filter((address) => address !== undefined);
      return {
        result: undefined,
        checks: [
          { key: keys.service(network.id, service.name), expect: 'version', version: entry.version },
          // An attach elsewhere creates this key, so that the two cannot both succeed.
          { key: keys.endpoint(network.id, service.endpointId), expect: 'absent' },
        ],
        writes: [
          { op: 'delete', key: keys.service(network.id, service.name) },
          ...addresses.flatMap((address) => ipam.release(network.id, address)),
        ],
        onConflict: (failed) => {
          if (failed === keys.endpoint(network.id, service.endpointId)) {
            throw stillProvided(service, directory.endpointsOf(network.id).filter(({ serviceId }) => serviceId === service.id));
          }
        },
      };
    });
  }

  #selected(networkRef: string | undefined): ReadonlyMap<string, Network> {
    const networks = networkRef ? [this.networks.find(networkRef)] : this.networks.list();
    return new Map(networks.map((network) => [network.id, network]));
  }

  async #endpointsOf(networkIds: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly Endpoint[]>> {
    const pairs = [...networkIds].map(async (id) => [id, await this.networks.endpoints(id)] as const);
    return new Map(await Promise.all(pairs));
  }

  #byName(ref: string): Service | undefined {
    if (!ref.includes('.') && ref.trim() === '') return undefined;
    const { service, network } = parseServiceName(ref, this.networks);
    return this.parts.directory.serviceEntry(network.id, service)?.record;
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

  #emit({ service, network }: ServiceView, action: string, more: Record<string, string> = {}): void {
    const Attributes = { name: service.name, network: network.name, ...more };
    this.parts.events.emit({ Type: 'service', Action: action, Actor: { ID: service.id, Attributes }, scope: network.scope });
  }
}

/** Publishes and takes the service's addresses in one commit. @throws conflict | invalid | exhausted */
export function publishService(
  parts: Parts,
  network: Network,
  name: string,
  options: PublishOptions,
): Promise<Service> {
  parseName('service', name);
  const aliases = (options.aliases ?? []).map((alias) => parseName('alias', alias));
  const { directory } = parts;
  const [id, endpointId] = [newId(), newId()];
  const shared = options.shared ?? false;
  return commitWithRetry(directory, network.scope, `publish ${name} on ${network.name}`, async () => {
    const entry = directory.networkEntry(network.id);
    if (!entry || entry.record.removing) throw new FairleadError('not-found', `Network ${network.name} does not exist`);
    if (directory.serviceEntry(network.id, name)) throw nameTaken(name, network);
    const owner = { owner: 'service', id } as const;
    // A shared service has no address of its own: each provider brings one.
    const [v4, v6] = shared
      ? []
      : await Promise.all([parts.ipam.claim(network, 4, owner), parts.ipam.claim(network, 6, owner)]);
    const claims = [v4, v6].filter((claim) => claim !== undefined);
    const addresses = { ...(v4 ? { ipv4: v4.cidr } : {}), ...(v6 ? { ipv6: v6.cidr } : {}) };
    const service: Service = {
      id,
      networkId: network.id,
      name,
      created: timestamp(),
      shared,
      endpointId,
      ...addresses,
      ...macOf(claims),
      aliases,
      ports: [...(options.ports ?? [])],
    };
    const key = keys.service(network.id, name);
    return {
      result: service,
      checks: [
        { key, expect: 'absent' },
        { key: keys.network(network.id), expect: 'version', version: entry.version },
        ...claims.flatMap(({ checks }) => checks),
      ],
      writes: [
        { op: 'put', key, value: JSON.stringify(service) },
        ...lastWins(claims.flatMap(({ writes }) => writes)),
      ],
      onConflict: (failed) => {
        abandon(claims, failed);
        if (failed === key) throw nameTaken(name, network);
      },
    };
  });
}

/** The MAC follows from the IPv4 address, or else from the IPv6 one. */
export function macOf(claims: readonly Pick<Claim, 'cidr'>[]): { readonly mac?: string } {
  const [first] = claims;
  return first ? { mac: macFor(withoutPrefix(first.cidr)) } : {};
}

/** Two claims of one commit both move the cursor; a key may be written only once. */
export function lastWins<W extends { readonly key: string }>(writes: readonly W[]): readonly W[] {
  return [...new Map(writes.map((write) => [write.key, write])).values()];
}

export function abandon(claims: readonly Claim[], failedKey: string): void {
  for (const claim of claims) claim.abandon(claim.checks.some(({ key }) => key === failedKey));
}

function viewOf(
  service: Service,
  networks: ReadonlyMap<string, Network>,
  endpoints: ReadonlyMap<string, readonly Endpoint[]>,
): readonly ServiceView[] {
  const network = networks.get(service.networkId);
  if (!network) return [];
  const providers = (endpoints.get(network.id) ?? []).filter(({ serviceId }) => serviceId === service.id);
  return [{ service, network, providers }];
}

function byName(a: ServiceView, b: ServiceView): number {
  return collator.compare(a.service.name, b.service.name) || collator.compare(a.network.name, b.network.name);
}

function nameTaken(name: string, network: Network): FairleadError {
  return new FairleadError('conflict', `service with name ${foldCase(name)} already exists on network ${network.name}`);
}

function stillProvided(service: Service, providers: readonly Endpoint[]): FairleadError {
  const names = providers.map(({ containerName, containerId }) => `${containerName} ${shortId(containerId)}`);
  return new FairleadError(
    'forbidden',
    `service with name ${service.name} id ${service.id} has active containers` +
      `${names.length > 0 ? ` (${names.join(', ')})` : ''}; detach first, or use -f`,
  );
}
