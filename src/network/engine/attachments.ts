import type { Endpoint, Network, Service } from '../../cluster/records.ts';
import type { Backing, EnginePlace } from '../../container/host-engine.ts';
import type { Attachment, Container } from '../../container/runtime.ts';
import { withoutPrefix } from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { withUndo } from '../../lib/undo.ts';
import { alreadyAttached, notAttached, refuseProvided, wantedOn } from '../containers/attachments.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import type { EndpointSettings, Naming } from '../model.ts';
import type { Networks } from '../networks/networks.ts';
import type { PendingEndpoints } from '../plugin/pending-endpoints.ts';
import type { EndpointNames } from './names.ts';

export interface EngineAttachmentsDeps {
  readonly parts: NetworkContext;
  readonly engine: EngineSide;
  readonly networks: Networks;
  readonly endpoints: EndpointStore;
  readonly pending: PendingEndpoints;
  readonly names: EndpointNames;
}

/**
 * Connects the Engine's containers to networks and services: the Engine does it, and asks us as its plugin on the way.
 * A container is on a network once: who backs a service there has the service's address.
 */
export class EngineAttachments {
  constructor(private readonly deps: EngineAttachmentsDeps) {}

  async connect(network: Network, id: string, settings: EndpointSettings): Promise<void> {
    const { aliases, ipv4, ipv6, linkLocal, driverOptions } = wantedOn(network, settings);
    await this.#exclusively(id, async () => {
      await this.deps.engine.host.connect(this.#known(network), id, {
        aliases,
        ...(ipv4 ? { ipv4 } : {}),
        ...(ipv6 ? { ipv6 } : {}),
        ...(linkLocal ? { linkLocal } : {}),
        ...(driverOptions ? { driverOptions } : {}),
      });
      await this.deps.names.converge(id);
    });
  }

  async disconnect(network: Network, id: string): Promise<void> {
    await this.#exclusively(id, async () => {
      const container = this.#require(id);
      if (!container.attachments.some((one) => isOn(one, network))) {
        throw new FairleadError('forbidden', `container ${id} is not connected to network ${network.name}`);
      }
      await this.#dropBackings(id, network);
      await this.deps.engine.host.disconnect(this.#known(network), id);
    });
  }

  /** Makes the container the service's provider; if it is not running, at its next start. */
  async attach(service: Service, network: Network, id: string): Promise<void> {
    const { engine, networks } = this.deps;
    await this.#exclusively(id, async () => {
      const container = this.#require(id);
      const backings = engine.links.backings();
      const conflicting = backings.find((one) => one.containerId === id && one.networkId === network.id);
      if (conflicting) throw this.#backsAnother(container, conflicting, service, network);
      await refuseProvided(networks, service, network);
      // Containers that do not run and were to back it do so no longer.
      if (!service.shared) {
        for (const other of backings.filter(({ serviceId }) => serviceId === service.id))
          await this.#let(other);
      }
      const place = container.attachments.find((one) => isOn(one, network));
      const restore = place && { aliases: place.aliases, ...wantedAddresses(place) };
      const backing = {
        containerId: id,
        networkId: network.id,
        serviceId: service.id,
        ...(restore ? { restore } : {}),
      };
      await withUndo(async (undo) => {
        await engine.links.putBacking(backing);
        undo.push('backing', () => engine.links.dropBacking(backing));
        if (!place || !service.shared) {
          if (place) {
            await engine.host.disconnect(this.#known(network), id);
            undo.push('place', () =>
              engine.host.connect(this.#known(network), id, restore ?? { aliases: [] }),
            );
          }
          await this.#putOn(container, service, network, restore?.aliases ?? []);
        }
        await this.deps.names.converge(id);
      });
    });
  }

  /** The endpoint is committed first, so that nobody else can have the service; the Engine then makes it. */
  async #putOn(
    container: Container,
    service: Service,
    network: Network,
    aliases: readonly string[],
  ): Promise<void> {
    const { engine, endpoints, parts, pending } = this.deps;
    const place: EnginePlace = {
      aliases: [...new Set([...aliases, service.name, ...service.aliases])],
      ...(service.ipv4 ? { ipv4: withoutPrefix(service.ipv4) } : {}),
      ...(service.ipv6 ? { ipv6: withoutPrefix(service.ipv6) } : {}),
    };
    const connect = () => engine.host.connect(this.#known(network), container.id, place);
    if (container.state.status !== 'running' || service.shared) return await connect();
    const wanted = { network: network.id, serviceId: service.id, aliases };
    await parts.presence.during(network, () =>
      withUndo(async (undo) => {
        pending.expect(service.endpointId);
        const endpoint = await endpoints.make({ container, wanted, network, service });
        undo.push('endpoint', () => endpoints.withdrawWhenPossible(network, endpoint));
        await connect();
      }),
    );
  }

  async detach(service: Service, network: Network, id: string): Promise<void> {
    await this.#exclusively(id, async () => {
      const container = this.#require(id);
      const backing = this.#backingOf(service, id);
      if (!backing) throw notAttached(container, service, network);
      // What a person asked to take away must really go, so the store must be there now.
      this.deps.parts.directory.reachable(network.scope);
      await this.#let(backing);
    });
  }

  /** Takes the service from the container, which is on the network afterwards as it was before. */
  async #let(backing: Backing): Promise<void> {
    const { engine, names, parts } = this.deps;
    const { containerId, networkId, restore } = backing;
    const network = parts.directory.network(networkId);
    const service = parts.directory.services().find(({ id }) => id === backing.serviceId);
    await engine.links.dropBacking(backing);
    if (!network || !parts.runtime.get(containerId)) return;
    if (service?.shared && restore) return await names.converge(containerId);
    await engine.host.disconnect(this.#known(network), containerId);
    if (restore) await engine.host.connect(this.#known(network), containerId, restore);
    await names.converge(containerId);
  }

  /** Takes a provider off whoever it is: a container of this host, or the record of one that is elsewhere or gone. */
  async evict(network: Network, endpoint: Endpoint): Promise<void> {
    const { engine, parts, endpoints } = this.deps;
    const backing = engine.links
      .backings()
      .find(
        ({ containerId, serviceId }) =>
          containerId === endpoint.containerId && serviceId === endpoint.serviceId,
      );
    if (backing) await this.#exclusively(endpoint.containerId, () => this.#let(backing));
    else await parts.locks.shared(() => endpoints.withdraw(network, endpoint));
  }

  /** On its own attachments to our networks: those without aliases (the default bridge, host, none) are the Engine's own. */
  async setAliases(containerId: string, naming: Naming): Promise<void> {
    await this.deps.names.setAliases(containerId, naming);
  }

  /** Services that are no more, or have another provider now: containers that do not run let go of them. */
  async letGoOfLost(): Promise<void> {
    const { engine, parts } = this.deps;
    if (!parts.directory.complete()) return;
    for (const backing of engine.links.backings()) {
      const container = parts.runtime.get(backing.containerId);
      const service = parts.directory.services().find(({ id }) => id === backing.serviceId);
      if (!container) await engine.links.dropBacking(backing);
      else if (!service) await this.#exclusively(container.id, () => this.#let(backing));
    }
  }

  async #dropBackings(containerId: string, network: Network): Promise<void> {
    const { links } = this.deps.engine;
    const here = links
      .backings()
      .filter((one) => one.containerId === containerId && one.networkId === network.id);
    for (const backing of here) await links.dropBacking(backing);
  }

  #backingOf(service: Service, containerId: string): Backing | undefined {
    const all = this.deps.engine.links.backings();
    return all.find((one) => one.serviceId === service.id && one.containerId === containerId);
  }

  #backsAnother(
    container: Container,
    conflicting: Backing,
    service: Service,
    network: Network,
  ): FairleadError {
    if (conflicting.serviceId === service.id) return alreadyAttached(container, service, network);
    const other = this.deps.parts.directory.services().find(({ id }) => id === conflicting.serviceId);
    return new FairleadError(
      'conflict',
      `container ${container.name} backs service ${other?.name ?? shortId(conflicting.serviceId)} on network ` +
        `${network.name} already, and a Docker Engine puts a container on a network once: detach it first, or ` +
        'publish the other service on another network',
    );
  }

  /** As the Engine knows the network. @throws unavailable while it was not made known there */
  #known(network: Network): string {
    const { engine, networks } = this.deps;
    if (!networks.isOurs(network)) return network.id;
    const known = engine.links.engineNetworkOf(network.id);
    if (known !== undefined) return known;
    throw new FairleadError(
      'unavailable',
      `network ${network.name} is not known to the Docker Engine (yet): ${engine.host.status().reason ?? 'see the log'}`,
    );
  }

  #require(id: string): Container {
    const container = this.deps.parts.runtime.get(id);
    if (!container) throw new FairleadError('not-found', `No such container: ${shortId(id)}`);
    return container;
  }

  /** Not while the sweep is under way: the Engine would wait for us in the middle of it. */
  #exclusively<T>(id: string, operation: () => Promise<T>): Promise<T> {
    const { locks } = this.deps.parts;
    return locks.shared(() => locks.run('container', id, operation));
  }
}

function isOn(attachment: Attachment, { id, name }: Network): boolean {
  return attachment.network === id || attachment.network === name;
}

function wantedAddresses({ ipv4, ipv6 }: Attachment): Pick<Attachment, 'ipv4' | 'ipv6'> {
  return { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) };
}
