import type { Network, Service } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import { ownRuntime } from '../../container/runtime.ts';
import { FairleadError, messageOf, withContext } from '../../lib/errors.ts';
import { type UndoStack, withUndo } from '../../lib/undo.ts';
import type { NetworkContext } from '../context.ts';
import { portClash } from '../host/published-ports.ts';
import type { Networks } from '../networks/networks.ts';
import { publishService, unpublishService } from '../services/publication.ts';
import { notExclusive, refuseProvided } from './attachments.ts';
import type { Converger } from './converger.ts';
import type { DefaultLinks } from './default-links.ts';
import { filesFor } from './files.ts';

/** Starts containers: sandbox, services, networks, then the command; all of it undone when a step fails. */
export class Starter {
  constructor(
    private readonly parts: NetworkContext,
    private readonly networks: Networks,
    private readonly converger: Converger,
    private readonly links: DefaultLinks,
  ) {}

  /** Before: under the container's lock, and not running. @throws what the first failing step says */
  async start(container: Container): Promise<Container> {
    try {
      return await withUndo((undo) => this.#startWith(undo, container));
    } catch (error) {
      // Scripts look for the Engine's own words of a port that is taken.
      if (messageOf(error).startsWith(portClash)) throw error;
      throw withContext(`Cannot start container ${container.name}`, error);
    }
  }

  async #startWith(undo: UndoStack, { id }: Container): Promise<Container> {
    const runtime = ownRuntime(this.parts.runtime);
    // What a crash in the middle of its end has left goes first.
    await this.converger.converge(id);
    const container = this.converger.require(id);
    const { attachments, spec, name } = container;
    this.#refuseIdleSharing(spec.networkMode);
    this.links.require(container);
    const wanted: Attachment[] = [];
    for (const attachment of attachments) wanted.push(...(await this.#withService(undo, name, attachment)));
    undo.push('networks', () => this.converger.converge(id, { attachments: () => attachments }));
    await runtime.prepare(id);
    await this.converger.converge(id, { attachments: () => wanted, isStarting: true });
    const ready = await this.links.settle(this.converger.require(id));
    const started = await runtime.start(id, filesFor(ready, runtime.list()));
    await this.links.started(id);
    return started;
  }

  #refuseIdleSharing(mode: Container['spec']['networkMode']): void {
    if (mode.kind !== 'container') return;
    const shared = this.converger.require(mode.containerId);
    if (shared.state.status === 'running') return;
    throw new FairleadError('conflict', `cannot join network of a non running container: ${shared.id}`);
  }

  /** None where the service that it was attached to by hand has moved on: the container starts all the same, without. */
  async #withService(undo: UndoStack, name: string, attachment: Attachment): Promise<readonly Attachment[]> {
    const { network: ref, publish, serviceId } = attachment;
    if (publish !== undefined) {
      const isStandby = attachment.standby !== undefined;
      const service = await this.#published(undo, this.networks.find(ref), publish, isStandby);
      return [{ ...attachment, serviceId: service.id }];
    }
    // What is gone, converge notices.
    if (serviceId === undefined || attachment.standby) return [attachment];
    const why = await this.#whyNot(serviceId, this.networks.find(ref));
    if (why === undefined) return [attachment];
    if (this.parts.directory.candidatesOf(serviceId).length > 0) {
      this.parts.log.info(`container ${name} starts as a standby of its service: ${why}`);
      return [{ ...attachment, standby: {} }];
    }
    this.parts.log.warn(`container ${name} starts without its service: ${why}`);
    return [];
  }

  /** The service of --publish-service, made where there is none. @throws conflict while another container has it */
  async #published(undo: UndoStack, network: Network, name: string, isStandby: boolean): Promise<Service> {
    const known = this.parts.directory.serviceEntry(network.id, name)?.record;
    if (known) {
      if (!isStandby) await refuseProvided(this.networks, known, network);
      else if (known.shared) throw notExclusive(known, network);
      return known;
    }
    const service = await this.parts.locks.run('network', network.id, () =>
      publishService(this.parts, network, name, {}),
    );
    undo.push('publish', () => unpublishService(this.parts, service, network));
    return service;
  }

  async #whyNot(serviceId: string, network: Network): Promise<string | undefined> {
    const service = this.parts.directory.services().find(({ id }) => id === serviceId);
    if (!service) {
      this.parts.directory.requireComplete(`its service on network ${network.name}`);
      return 'it is published no longer';
    }
    return await refuseProvided(this.networks, service, network).then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
  }
}
