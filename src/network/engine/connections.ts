import type { Endpoint, Network, Service } from '../../cluster/records.ts';
import type { Backing, EnginePlace } from '../../container/host-engine.ts';
import type { Container, Membership } from '../../container/runtime.ts';
import { withoutPrefix } from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { parseName } from '../../lib/names.ts';
import { withUndo } from '../../lib/undo.ts';
import { alreadyProvided } from '../endpoint-plan.ts';
import type { EndpointRecords } from '../endpoint-records.ts';
import type { EndpointSettings } from '../model.ts';
import type { Networks } from '../networks.ts';
import type { Participation } from '../participation.ts';
import type { EngineSide, Parts } from '../parts.ts';
import { providerOf } from '../provider.ts';
import type { EndpointNames } from './names.ts';
import type { PendingEndpoints } from './pending-endpoints.ts';

export interface EngineConnectionsDeps {
  readonly parts: Parts;
  readonly engine: EngineSide;
  readonly networks: Networks;
  readonly records: EndpointRecords;
  readonly participation: Participation;
  readonly pending: PendingEndpoints;
  readonly names: EndpointNames;
}

/**
 * Connects the Engine's containers to networks and services: the Engine does it, and asks us as its plugin on the way.
 * A container is on a network once: who backs a service there has the service's address.
 */
export class EngineConnections {
  constructor(private readonly deps: EngineConnectionsDeps) {}

  async connect(network: Network, id: string, settings: EndpointSettings): Promise<void> {
    const aliases = (settings.aliases ?? []).map((alias) => parseName('alias', alias));
    const { ipv4, ipv6, linkLocal, driverOptions } = settings;
    await this.#exclusively(id, async () => {
      await this.deps.engine.host.connect(this.#known(network), id, {
        aliases,
        ...(ipv4 ? { ipv4 } : {}),
        ...(ipv6 ? { ipv6 } : {}),
        ...(linkLocal ? { linkLocal } : {}),
        ...(driverOptions ? { driverOptions } : {}),
      });
      await this.deps.names.follow(id);
    });
  }

  async disconnect(network: Network, id: string): Promise<void> {
    await this.#exclusively(id, async () => {
      const container = this.#require(id);
      if (!container.memberships.some((place) => isOn(place, network))) {
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
      const rival = backings.find((one) => one.containerId === id && one.networkId === network.id);
      if (rival) throw this.#backsAnother(container, rival, service, network);
      const provider = await providerOf(networks, service, network);
      if (provider) throw alreadyProvided(service, provider);
      // Containers that do not run and were to back it do so no longer.
      if (!service.shared) {
        for (const other of backings.filter(({ serviceId }) => serviceId === service.id))
          await this.#let(other);
      }
      const place = container.memberships.find((one) => isOn(one, network));
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
        await this.deps.names.follow(id);
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
    const { engine, records, participation, pending } = this.deps;
    const place: EnginePlace = {
      aliases: [...new Set([...aliases, service.name, ...service.aliases])],
      ...(service.ipv4 ? { ipv4: withoutPrefix(service.ipv4) } : {}),
      ...(service.ipv6 ? { ipv6: withoutPrefix(service.ipv6) } : {}),
    };
    const connect = () => engine.host.connect(this.#known(network), container.id, place);
    if (container.state.status !== 'running' || service.shared) return await connect();
    const membership: Membership = { network: network.id, serviceId: service.id, aliases: [...aliases] };
    await participation.during(network, () =>
      withUndo(async (undo) => {
        pending.expect(service.endpointId);
        const endpoint = await records.put({ container, membership, network, service });
        undo.push('endpoint', () => records.withdrawWhenPossible(network, endpoint));
        await connect();
      }),
    );
  }

  async detach(service: Service, network: Network, id: string): Promise<void> {
    await this.#exclusively(id, async () => {
      const container = this.#require(id);
      const backing = this.#backingOf(service, id);
      if (!backing) {
        throw new FairleadError(
          'invalid',
          `invalid container id ${id}: container ${container.name} is not attached to service ` +
            `${service.name} on network ${network.name}`,
        );
      }
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
    if (service?.shared && restore) return await names.follow(containerId);
    await engine.host.disconnect(this.#known(network), containerId);
    if (restore) await engine.host.connect(this.#known(network), containerId, restore);
    await names.follow(containerId);
  }

  /** Takes a provider off whoever it is: a container of this host, or the record of one that is elsewhere or gone. */
  async evict(network: Network, endpoint: Endpoint): Promise<void> {
    const { engine, parts, records } = this.deps;
    const backing = engine.links
      .backings()
      .find(
        ({ containerId, serviceId }) =>
          containerId === endpoint.containerId && serviceId === endpoint.serviceId,
      );
    if (backing) await this.#exclusively(endpoint.containerId, () => this.#let(backing));
    else await parts.locks.shared(() => records.withdraw(network, endpoint));
  }

  /** Takes off what is left of a container that is gone: named by its name, id or endpoint id. */
  async disconnectGone(network: Network, ref: string): Promise<void> {
    const endpoints = await this.deps.networks.endpoints(network.id);
    const endpoint = endpoints.find(
      ({ id, containerId, containerName }) =>
        id === ref ||
        containerName === ref ||
        containerId === ref ||
        (ref.length >= 12 && containerId.startsWith(ref)),
    );
    if (!endpoint || !this.deps.networks.isOurs(network)) {
      throw new FairleadError('not-found', `endpoint ${ref} not found on network ${network.name}`);
    }
    await this.evict(network, endpoint);
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

  #backsAnother(container: Container, rival: Backing, service: Service, network: Network): FairleadError {
    if (rival.serviceId === service.id) {
      return new FairleadError(
        'conflict',
        `container ${container.name} is already attached to service ${service.name} on network ${network.name}`,
      );
    }
    const other = this.deps.parts.directory.services().find(({ id }) => id === rival.serviceId);
    return new FairleadError(
      'conflict',
      `container ${container.name} backs service ${other?.name ?? shortId(rival.serviceId)} on network ` +
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

function isOn(place: Membership, { id, name }: Network): boolean {
  return place.network === id || place.network === name;
}

function wantedAddresses({ ipv4, ipv6 }: Membership): Pick<Membership, 'ipv4' | 'ipv6'> {
  return { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) };
}
