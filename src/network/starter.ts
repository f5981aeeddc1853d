import type { Network, Service } from '../cluster/records.ts';
import { type Container, type Membership, ownRuntime } from '../container/runtime.ts';
import { FairleadError, messageOf, withContext } from '../lib/errors.ts';
import { type UndoStack, withUndo } from '../lib/undo.ts';
import type { Attachments } from './attachments.ts';
import { filesFor } from './container-network.ts';
import type { DefaultLinks } from './default-links.ts';
import { alreadyProvided } from './endpoint-plan.ts';
import type { Networks } from './networks.ts';
import type { Parts } from './parts.ts';
import type { Places } from './places.ts';
import { providerOf } from './provider.ts';
import { publishService, unpublishService } from './publication.ts';
import { portClash } from './published-ports.ts';

/** Starts containers: sandbox, networks, then the command; all of it undone when a step fails. */
export class Starter {
  constructor(
    private readonly parts: Parts,
    private readonly networks: Networks,
    private readonly attachments: Attachments,
    private readonly places: Places,
    private readonly links: DefaultLinks,
  ) {}

  /** Before: inside the container's turn, and not running. @throws what the first failing step says */
  async start(container: Container): Promise<Container> {
    try {
      return await withUndo((undo) => this.#startWith(undo, container));
    } catch (error) {
      // Scripts look for the Engine's own words of a port that is taken.
      if (messageOf(error).startsWith(portClash)) throw error;
      throw withContext(`Cannot start container ${container.name}`, error);
    }
  }

  async #startWith(undo: UndoStack, container: Container): Promise<Container> {
    const { id } = container;
    await this.places.leaveIfEnded(id);
    this.#refuseIdleSharing(container);
    this.links.require(container);
    await ownRuntime(this.parts.runtime).prepare(id);
    undo.push('prepare', () => ownRuntime(this.parts.runtime).release(id));
    undo.push('memberships', () => this.parts.runtime.update(id, { memberships: container.memberships }));
    for (const place of container.memberships) await this.#startOn(undo, id, place);
    const joined = await this.links.settle(this.places.require(id));
    await this.places.route(joined);
    undo.push('ports', () => this.places.ports.withdraw(id));
    await this.places.ports.settle(id);
    const started = await ownRuntime(this.parts.runtime).start(
      id,
      filesFor(joined, this.parts.runtime.list()),
    );
    await this.links.started(id);
    return started;
  }

  #refuseIdleSharing({ spec: { networkMode } }: Container): void {
    if (networkMode.kind !== 'container') return;
    const shared = this.places.require(networkMode.containerId);
    if (shared.state.status === 'running') return;
    throw new FairleadError('conflict', `cannot join network of a non running container: ${shared.id}`);
  }

  /** Joins one network of a container that starts. */
  async #startOn(undo: UndoStack, id: string, place: Membership): Promise<void> {
    const container = this.places.require(id);
    const network = this.networks.find(place.network);
    const service = place.publish
      ? await this.#publishFor(undo, network, place.publish)
      : this.#serviceOf(place);
    if (place.serviceId && !place.publish) {
      if (!service) this.parts.directory.requireComplete(`its service on network ${network.name}`);
      const why = service ? await this.#whyNot(service, network) : 'it is published no longer';
      if (why) {
        // It was attached by hand and has moved on: the container starts all the same, without it.
        this.parts.log.warn(`container ${container.name} starts without its service: ${why}`);
        await this.places.change(id, (m) => (m === place ? undefined : m));
        return;
      }
    }
    const joined = await this.attachments.join(container, place, network, service);
    undo.push('network', () => this.attachments.leave(container, joined));
    await this.places.change(id, (m) => (m === place ? joined : m));
  }

  async #publishFor(undo: UndoStack, network: Network, name: string): Promise<Service> {
    const known = this.parts.directory.serviceEntry(network.id, name)?.record;
    if (known) {
      const provider = await providerOf(this.networks, known, network);
      if (provider) throw alreadyProvided(known, provider);
      return known;
    }
    const service = await this.parts.queue.run(`network ${network.id}`, () =>
      publishService(this.parts, network, name, {}),
    );
    undo.push('publish', () => unpublishService(this.parts, service, network));
    return service;
  }

  #serviceOf({ serviceId }: Membership): Service | undefined {
    return serviceId === undefined
      ? undefined
      : this.parts.directory.services().find(({ id }) => id === serviceId);
  }

  async #whyNot(service: Service, network: Network): Promise<string | undefined> {
    const provider = await providerOf(this.networks, service, network);
    return provider ? messageOf(alreadyProvided(service, provider)) : undefined;
  }
}
