import { isDeepStrictEqual } from 'node:util';
import type { Network, Service } from '../cluster/records.ts';
import { type Container, type Membership, ownRuntime } from '../container/runtime.ts';
import type { DefaultRoutes } from '../dataplane/dataplane.ts';
import { FairleadError, isKind, messageOf } from '../lib/errors.ts';
import { shortId } from '../lib/ids.ts';
import { withUndo } from '../lib/undo.ts';
import type { Attachments } from './attachments.ts';
import { filesFor, routesFor } from './container-network.ts';
import type { Parts } from './parts.ts';
import type { PublishedPorts } from './published-ports.ts';

/** The networks that a container is on: its record and its sandbox, changed together. */
export class Places {
  constructor(
    private readonly parts: Parts,
    private readonly attachments: Attachments,
    readonly ports: PublishedPorts,
  ) {}

  /** Operations of one container never overlap. */
  exclusively<T>(id: string, operation: () => Promise<T>): Promise<T> {
    return this.parts.gate.shared(() => this.parts.queue.run(`container ${id}`, operation));
  }

  require(id: string): Container {
    const container = this.parts.runtime.get(id);
    if (!container) throw new FairleadError('not-found', `No such container: ${shortId(id)}`);
    return container;
  }

  /** Adds a place; a running container joins it now. */
  async add(id: string, place: Membership, network: Network, service?: Service): Promise<void> {
    const container = this.require(id);
    if (container.state.status !== 'running') {
      await this.parts.runtime.update(id, { memberships: [...container.memberships, place] });
      return;
    }
    await withUndo(async (undo) => {
      const joined = await this.attachments.join(container, place, network, service);
      undo.push('join', () => this.attachments.leave(container, joined));
      const { memberships } = this.require(id);
      await this.parts.runtime.update(id, { memberships: [...memberships, joined] });
      undo.push('record', () => this.parts.runtime.update(id, { memberships }));
      await this.#refresh(id, routesFor(container));
    });
  }

  /** Takes places away: first from the record, so that a crash in between leaves nothing that asserts them again. */
  async drop(container: Container, places: readonly Membership[]): Promise<void> {
    const gone = new Set(places.map(({ joined }) => joined?.endpointId).filter((endpointId) => endpointId));
    await this.change(container.id, (m) =>
      places.includes(m) || gone.has(m.joined?.endpointId) ? undefined : m,
    );
    for (const place of places) await this.attachments.leave(container, place);
    await this.#refresh(container.id, routesFor(container));
  }

  /** A container that is not running holds nothing: no endpoint, no address of its own, no sandbox. */
  async leaveIfEnded(id: string): Promise<void> {
    const container = this.parts.runtime.get(id);
    if (!container || container.state.status === 'running') return;
    const joined = container.memberships.filter((place) => place.joined);
    if (joined.length > 0) await this.change(id, ({ joined: _, ...place }) => place);
    try {
      await this.ports.withdraw(id);
      for (const place of joined) await this.attachments.leave(container, place);
    } finally {
      await ownRuntime(this.parts.runtime).release(id);
    }
  }

  /**
   * Makes records and kernel show what a running container had joined, and ends what a stopped one left.
   * `present` as in Attachments.assert.
   */
  async assert(id: string, present?: ReadonlySet<string>): Promise<void> {
    await this.exclusively(id, async () => {
      const container = this.parts.runtime.get(id);
      if (!container) return;
      if (container.state.status !== 'running') return await this.leaveIfEnded(id);
      const repaired: boolean[] = [];
      for (const place of container.memberships)
        repaired.push(await this.#assertPlace(container, place, present));
      if (repaired.includes(true)) await this.#refresh(id);
      await this.ports.assert(id);
    });
  }

  async #assertPlace(
    container: Container,
    place: Membership,
    present?: ReadonlySet<string>,
  ): Promise<boolean> {
    try {
      return await this.attachments.assert(container, place, present);
    } catch (error) {
      // With the KV store away there is nothing to be said against this place, and the others come next.
      if (isKind(error, 'unavailable')) return false;
      if (!isKind(error, 'conflict') && !isKind(error, 'not-found')) throw error;
      this.#sayLost(container, place, messageOf(error));
      await this.drop(this.require(container.id), [place]);
      return true;
    }
  }

  /** What went to somebody else, or went, while this node was away: people must be able to find out. */
  #sayLost({ id: container, name }: Container, place: Membership, reason: string): void {
    const network = this.parts.directory.network(place.network);
    const service = this.parts.directory.services().find(({ id }) => id === place.serviceId);
    const where = [service?.name, network?.name ?? shortId(place.network)].filter((part) => part).join('.');
    this.parts.log.warn(`container ${name} is detached from ${where}: ${reason}`);
    this.parts.events.emit({
      Type: service ? 'service' : 'network',
      Action: 'lost',
      Actor: { ID: service?.id ?? place.network, Attributes: { name: where, container, reason } },
      scope: network?.scope ?? 'global',
    });
  }

  async change(id: string, to: (place: Membership) => Membership | undefined): Promise<void> {
    const memberships = this.require(id).memberships.flatMap((place) => to(place) ?? []);
    await this.parts.runtime.update(id, { memberships });
  }

  /**
   * Default routes and files follow the networks that a running container is on. `present`: the routes that it
   * is known to have; equal ones are not set again, which is a third of what an attach costs.
   */
  async #refresh(id: string, present?: DefaultRoutes): Promise<void> {
    const container = this.require(id);
    if (container.state.status !== 'running') return;
    if (!present || !isDeepStrictEqual(present, routesFor(container))) await this.route(container);
    await this.ports.settle(id);
    await ownRuntime(this.parts.runtime).setFiles(id, filesFor(container, this.parts.runtime.list()));
  }

  /** A stack that is not the container's own has routes of its own. */
  async route(container: Container): Promise<void> {
    const sandbox = this.parts.runtime.sandboxOf(container.id);
    if (sandbox === container.id) await this.parts.dataplane.setDefaultRoutes(sandbox, routesFor(container));
  }
}
