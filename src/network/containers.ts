import type { Endpoint, Network, Service } from '../cluster/records.ts';
import type { Container, Membership, Runtime } from '../container/runtime.ts';
import { FairleadError, isKind, messageOf, withContext } from '../lib/errors.ts';
import { isFullId, shortId } from '../lib/ids.ts';
import { lookup } from '../lib/lookup.ts';
import { parseName } from '../lib/names.ts';
import { type UndoStack, withUndo } from '../lib/undo.ts';
import type { Attachments } from './attachments.ts';
import { filesFor, routesFor } from './container-network.ts';
import { planContainer } from './container-plan.ts';
import { alreadyProvided } from './endpoint-plan.ts';
import type { Containers as Contract, CreateContainer, EndpointSettings } from './model.ts';
import type { Networks } from './networks.ts';
import type { Parts } from './parts.ts';
import { publishService, unpublishService } from './publication.ts';

const defaultStopSeconds = 10;

/** A container's life and the networks it is on meanwhile. Operations of one container never overlap. */
export class Containers implements Contract {
  readonly runtime: Runtime;
  readonly #exits = new Map<string, Set<(exitCode: number) => void>>();
  readonly #removals = new Map<string, Set<(exitCode: number) => void>>();

  constructor(
    private readonly parts: Parts,
    private readonly networks: Networks,
    private readonly attachments: Attachments,
  ) {
    this.runtime = parts.runtime;
  }

  /** From now on, containers that end leave their networks. */
  watchExits(): void {
    this.runtime.onExit((id, exitCode) => {
      const container = this.runtime.get(id);
      if (!container) return;
      this.#emit(container, 'die', { exitCode: String(exitCode) });
      void this.#exclusively(id, () => this.#afterExit(id, exitCode)).catch((error: unknown) =>
        this.parts.log.error(`after the end of container ${container.name}: ${messageOf(error)}`),
      );
    });
  }

  list(): readonly Container[] {
    return this.runtime.list();
  }

  find(ref: string): Container {
    if (ref === '') throw new FairleadError('invalid', 'invalid name or ID supplied: ""');
    try {
      return lookup('container', ref.replace(/^\//, ''), this.list());
    } catch (error) {
      if (isKind(error, 'not-found')) {
        throw new FairleadError('not-found', `No such container: ${ref}`, { cause: error });
      }
      throw error;
    }
  }

  async create(request: CreateContainer): Promise<Container> {
    return await this.parts.gate.shared(async () => {
      const container = await this.runtime.create(
        planContainer(request, this.networks, (ref) => this.find(ref)),
      );
      this.#emit(container, 'create');
      return container;
    });
  }

  async start(ref: string): Promise<Container> {
    const { id } = this.find(ref);
    return await this.#exclusively(id, () => this.#start(id));
  }

  async stop(ref: string, timeoutSeconds = defaultStopSeconds): Promise<void> {
    const { id } = this.find(ref);
    await this.#exclusively(id, () => this.#stop(id, timeoutSeconds));
  }

  async restart(ref: string, timeoutSeconds = defaultStopSeconds): Promise<void> {
    const { id } = this.find(ref);
    await this.#exclusively(id, async () => {
      await this.#stop(id, timeoutSeconds);
      this.#emit(await this.#start(id), 'restart');
    });
  }

  async kill(ref: string, signal: string): Promise<void> {
    const container = this.find(ref);
    if (container.state.status !== 'running') {
      throw new FairleadError(
        'conflict',
        `Cannot kill container: ${ref}: Container ${container.id} is not running`,
      );
    }
    await this.runtime.signal(container.id, signal);
    this.#emit(container, 'kill', { signal });
    // After a fatal signal the caller may rely on the names being gone, as after a stop.
    await this.#exclusively(container.id, () => this.#leaveIfEnded(container.id));
  }

  wait(ref: string, condition: 'not-running' | 'next-exit' | 'removed'): Promise<number> {
    const { id, state } = this.find(ref);
    if (condition === 'not-running' && state.status !== 'running') return Promise.resolve(state.exitCode);
    const waiters = condition === 'removed' ? this.#removals : this.#exits;
    return new Promise((resolve) => {
      waiters.set(id, (waiters.get(id) ?? new Set()).add(resolve));
    });
  }

  async remove(ref: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const { id } = this.find(ref);
    await this.#exclusively(id, async () => {
      const container = this.runtime.get(id);
      if (!container) return;
      if (container.state.status === 'running') {
        if (!options.force) {
          throw new FairleadError(
            'conflict',
            `cannot remove container "/${container.name}": container is running: stop the container before removing or force remove`,
          );
        }
        await this.#stop(id, 0);
      }
      if (this.runtime.get(id)) await this.#remove(id);
    });
  }

  async rename(ref: string, name: string): Promise<void> {
    const { id, name: oldName } = this.find(ref);
    await this.#exclusively(id, async () => {
      const container = await this.runtime.update(id, { name });
      await this.attachments.records.rename(container);
      this.#emit(container, 'rename', { oldName: `/${oldName}` });
    });
  }

  async connect(networkRef: string, containerRef: string, settings: EndpointSettings = {}): Promise<void> {
    const network = this.networks.find(networkRef);
    const { id } = this.find(containerRef);
    const aliases = (settings.aliases ?? []).map((alias) => parseName('alias', alias));
    await this.#exclusively(id, async () => {
      const container = this.#require(id);
      refuseSharedStack(container, network);
      const present = container.memberships.find((m) => this.#isOn(m, network) && m.serviceId === undefined);
      if (present && container.state.status === 'running') {
        throw new FairleadError(
          'forbidden',
          `endpoint with name ${container.name} already exists in network ${network.name}`,
        );
      }
      // Connecting a stopped container again replaces what it asked for, as the Engine does.
      if (present) await this.#drop(container, [present]);
      await this.#add(id, { ...settings, aliases, network: network.id }, network);
    });
  }

  async disconnect(networkRef: string, containerRef: string, force = false): Promise<void> {
    const network = this.networks.find(networkRef);
    const container = this.#findOrUndefined(containerRef, force);
    if (!container) return await this.#disconnectGone(network, containerRef);
    await this.#exclusively(container.id, async () => {
      const current = this.#require(container.id);
      if (network.driver === 'host') {
        throw new FairleadError(
          'invalid',
          'container cannot be disconnected from host network or connected to host network',
        );
      }
      const places = current.memberships.filter((m) => this.#isOn(m, network));
      if (places.length === 0) {
        throw new FairleadError(
          'forbidden',
          `container ${current.id} is not connected to network ${network.name}`,
        );
      }
      this.#requireStore(network, places);
      await this.#drop(current, places);
    });
  }

  /** Makes the container the service's provider; if it is not running, at its next start. */
  async attach(service: Service, network: Network, containerRef: string): Promise<void> {
    const { id } = this.find(containerRef);
    await this.#exclusively(id, async () => {
      const container = this.#require(id);
      refuseSharedStack(container, network);
      if (container.memberships.some(({ serviceId }) => serviceId === service.id)) {
        throw new FairleadError(
          'conflict',
          `container ${container.name} is already attached to service ${service.name} on network ${network.name}`,
        );
      }
      const provider = await this.#providerOf(service, network);
      if (provider) throw alreadyProvided(service, provider);
      await this.#add(id, { network: network.id, serviceId: service.id, aliases: [] }, network, service);
    });
  }

  async detach(service: Service, network: Network, containerRef: string): Promise<void> {
    const { id } = this.find(containerRef);
    await this.#exclusively(id, async () => {
      const container = this.#require(id);
      const place = container.memberships.find(({ serviceId }) => serviceId === service.id);
      if (!place) {
        throw new FairleadError(
          'invalid',
          `invalid container id ${containerRef}: container ${container.name} is not attached to service ` +
            `${service.name} on network ${network.name}`,
        );
      }
      this.#requireStore(network, [place]);
      await this.#drop(container, [place]);
    });
  }

  /** Takes a provider off whoever it is: a container of this host, or the record of one that is elsewhere or gone. */
  async evict(network: Network, endpoint: Endpoint): Promise<void> {
    const container = this.runtime.get(endpoint.containerId);
    const places = container?.memberships.filter(({ joined }) => joined?.endpointId === endpoint.id) ?? [];
    if (!container || places.length === 0) {
      await this.parts.gate.shared(() => this.attachments.records.withdraw(network, endpoint));
      return;
    }
    await this.#exclusively(container.id, () => this.#drop(this.#require(container.id), places));
  }

  /**
   * Makes records and kernel show what a running container had joined, and ends what a stopped one left.
   * `present` as in Attachments.assert.
   */
  async assert(id: string, present?: ReadonlySet<string>): Promise<void> {
    await this.#exclusively(id, async () => {
      const container = this.runtime.get(id);
      if (!container) return;
      if (container.state.status !== 'running') return await this.#leaveIfEnded(id);
      const repaired: boolean[] = [];
      for (const place of container.memberships)
        repaired.push(await this.#assertPlace(container, place, present));
      if (repaired.includes(true)) await this.#refresh(id);
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
      if (!isKind(error, 'conflict') && !isKind(error, 'not-found')) throw error;
      this.parts.log.warn(`container ${container.name} is detached: ${messageOf(error)}`);
      await this.#drop(this.#require(container.id), [place]);
      return true;
    }
  }

  async #start(id: string): Promise<Container> {
    const container = this.#require(id);
    if (container.state.status === 'running') return container;
    try {
      const started = await withUndo((undo) => this.#startWith(undo, container));
      this.#emit(started, 'start');
      return started;
    } catch (error) {
      throw withContext(`Cannot start container ${container.name}`, error);
    }
  }

  async #startWith(undo: UndoStack, container: Container): Promise<Container> {
    const { id } = container;
    await this.#leaveIfEnded(id);
    this.#refuseIdleSharing(container);
    await this.runtime.prepare(id);
    undo.push('prepare', () => this.runtime.release(id));
    undo.push('memberships', () => this.runtime.update(id, { memberships: container.memberships }));
    for (const place of container.memberships) await this.#startOn(undo, id, place);
    const joined = this.#require(id);
    await this.#route(joined);
    return await this.runtime.start(id, filesFor(joined, this.list()));
  }

  #refuseIdleSharing({ spec: { networkMode } }: Container): void {
    if (networkMode.kind !== 'container') return;
    const shared = this.#require(networkMode.containerId);
    if (shared.state.status === 'running') return;
    throw new FairleadError('conflict', `cannot join network of a non running container: ${shared.id}`);
  }

  /** A stack that is not the container's own has routes of its own. */
  async #route(container: Container): Promise<void> {
    const sandbox = this.runtime.sandboxOf(container.id);
    if (sandbox === container.id) await this.parts.dataplane.setDefaultRoutes(sandbox, routesFor(container));
  }

  /** Joins one network of a container that starts. */
  async #startOn(undo: UndoStack, id: string, place: Membership): Promise<void> {
    const container = this.#require(id);
    const network = this.networks.find(place.network);
    const service = place.publish
      ? await this.#publishFor(undo, network, place.publish)
      : this.#serviceOf(place);
    if (place.serviceId && !place.publish) {
      const why = service ? await this.#whyNot(service, network) : 'it is published no longer';
      if (why) {
        // It was attached by hand and has moved on: the container starts all the same, without it.
        this.parts.log.warn(`container ${container.name} starts without its service: ${why}`);
        await this.#setPlaces(id, (m) => (m === place ? undefined : m));
        return;
      }
    }
    const joined = await this.attachments.join(container, place, network, service);
    undo.push('network', () => this.attachments.leave(container, joined));
    await this.#setPlaces(id, (m) => (m === place ? joined : m));
  }

  async #publishFor(undo: UndoStack, network: Network, name: string): Promise<Service> {
    const known = this.parts.directory.serviceEntry(network.id, name)?.record;
    if (known) {
      const provider = await this.#providerOf(known, network);
      if (provider) throw alreadyProvided(known, provider);
      return known;
    }
    const service = await this.parts.queue.run(`network ${network.id}`, () =>
      publishService(this.parts, network, name, {}),
    );
    undo.push('publish', () => unpublishService(this.parts, service, network));
    return service;
  }

  async #stop(id: string, timeoutSeconds: number): Promise<void> {
    const container = this.#require(id);
    if (container.state.status !== 'running') return;
    await this.runtime.stop(id, timeoutSeconds);
    await this.#leaveIfEnded(id);
    this.#emit(container, 'stop');
  }

  async #afterExit(id: string, exitCode: number): Promise<void> {
    await this.#leaveIfEnded(id);
    const container = this.runtime.get(id);
    if (container?.spec.autoRemove && container.state.status === 'exited') await this.#remove(id);
    this.#tell(this.#exits, id, exitCode);
  }

  /** A container that is not running holds nothing: no endpoint, no address of its own, no sandbox. */
  async #leaveIfEnded(id: string): Promise<void> {
    const container = this.runtime.get(id);
    if (!container || container.state.status === 'running') return;
    const joined = container.memberships.filter((place) => place.joined);
    if (joined.length > 0) await this.#setPlaces(id, ({ joined: _, ...place }) => place);
    try {
      for (const place of joined) await this.attachments.leave(container, place);
    } finally {
      await this.runtime.release(id);
    }
  }

  async #remove(id: string): Promise<void> {
    const container = this.#require(id);
    await this.#leaveIfEnded(id);
    await this.runtime.remove(id);
    this.#emit(container, 'destroy');
    this.#tell(this.#removals, id, container.state.exitCode);
  }

  /** Adds a place; a running container joins it now. */
  async #add(id: string, place: Membership, network: Network, service?: Service): Promise<void> {
    const container = this.#require(id);
    if (container.state.status !== 'running') {
      await this.runtime.update(id, { memberships: [...container.memberships, place] });
      return;
    }
    await withUndo(async (undo) => {
      const joined = await this.attachments.join(container, place, network, service);
      undo.push('join', () => this.attachments.leave(container, joined));
      const { memberships } = this.#require(id);
      await this.runtime.update(id, { memberships: [...memberships, joined] });
      undo.push('record', () => this.runtime.update(id, { memberships }));
      await this.#refresh(id);
    });
  }

  /** Takes places away: first from the record, so that a crash in between leaves nothing that asserts them again. */
  async #drop(container: Container, places: readonly Membership[]): Promise<void> {
    const gone = new Set(places.map(({ joined }) => joined?.endpointId).filter((endpointId) => endpointId));
    await this.#setPlaces(container.id, (m) =>
      places.includes(m) || gone.has(m.joined?.endpointId) ? undefined : m,
    );
    for (const place of places) await this.attachments.leave(container, place);
    await this.#refresh(container.id);
  }

  /** Default routes and files follow the networks that a running container is on. */
  async #refresh(id: string): Promise<void> {
    const container = this.#require(id);
    if (container.state.status !== 'running') return;
    await this.#route(container);
    await this.runtime.setFiles(id, filesFor(container, this.list()));
  }

  async #setPlaces(id: string, change: (place: Membership) => Membership | undefined): Promise<void> {
    const memberships = this.#require(id).memberships.flatMap((place) => change(place) ?? []);
    await this.runtime.update(id, { memberships });
  }

  #serviceOf({ serviceId }: Membership): Service | undefined {
    return serviceId === undefined
      ? undefined
      : this.parts.directory.services().find(({ id }) => id === serviceId);
  }

  async #whyNot(service: Service, network: Network): Promise<string | undefined> {
    const provider = await this.#providerOf(service, network);
    return provider ? messageOf(alreadyProvided(service, provider)) : undefined;
  }

  /** Who holds an exclusive service now; a shared one always has room. */
  async #providerOf(service: Service, network: Network): Promise<Endpoint | undefined> {
    if (service.shared) return undefined;
    return (await this.networks.endpoints(network.id)).find(({ id }) => id === service.endpointId);
  }

  async #disconnectGone(network: Network, ref: string): Promise<void> {
    const endpoints = await this.networks.endpoints(network.id);
    const endpoint = endpoints.find(
      ({ id, containerId, containerName }) =>
        id === ref ||
        containerName === ref ||
        containerId === ref ||
        (ref.length >= 12 && containerId.startsWith(ref)),
    );
    if (!endpoint)
      throw new FairleadError('not-found', `endpoint ${ref} not found on network ${network.name}`);
    await this.evict(network, endpoint);
  }

  #findOrUndefined(ref: string, force: boolean): Container | undefined {
    try {
      return this.find(ref);
    } catch (error) {
      if (force && isKind(error, 'not-found')) return undefined;
      throw error;
    }
  }

  #isOn({ network: ref }: Membership, network: Network): boolean {
    if (ref === network.id) return true;
    return !isFullId(ref) && this.networks.named(ref)?.id === network.id;
  }

  /** What a person asked to take away must really go, so the store must be there now. */
  #requireStore(network: Network, places: readonly Membership[]): void {
    if (places.some(({ joined }) => joined)) this.parts.directory.reachable(network.scope);
  }

  #require(id: string): Container {
    const container = this.runtime.get(id);
    if (!container) throw new FairleadError('not-found', `No such container: ${shortId(id)}`);
    return container;
  }

  #exclusively<T>(id: string, operation: () => Promise<T>): Promise<T> {
    return this.parts.gate.shared(() => this.parts.queue.run(`container ${id}`, operation));
  }

  #tell(waiters: Map<string, Set<(exitCode: number) => void>>, id: string, exitCode: number): void {
    const told = waiters.get(id) ?? [];
    waiters.delete(id);
    for (const resolve of told) resolve(exitCode);
  }

  #emit(container: Container, action: string, more: Record<string, string> = {}): void {
    const { id: ID, name, spec } = container;
    const Attributes = { ...spec.labels, image: spec.image, name, ...more };
    this.parts.events.emit({ Type: 'container', Action: action, Actor: { ID, Attributes } });
  }
}

/** @throws invalid, in the Engine's words (docker-facts 5.3 #55-57) */
function refuseSharedStack({ spec: { networkMode } }: Container, network: Network): void {
  if (networkMode.kind === 'host' || networkMode.kind === 'container') {
    throw new FairleadError(
      'invalid',
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  if (network.driver === 'host') {
    throw new FairleadError(
      'invalid',
      'container cannot be disconnected from host network or connected to host network',
    );
  }
  if (networkMode.kind === 'none' || network.driver === 'null') {
    throw new FairleadError(
      'invalid',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
}
