import { isDeepStrictEqual } from 'node:util';
import type { Network } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import { ownRuntime } from '../../container/runtime.ts';
import { innerResolver } from '../../dataplane/names.ts';
import { FairleadError, withContext } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { runAll, type UndoStack, withUndo } from '../../lib/undo.ts';
import type { NetworkContext } from '../context.ts';
import { isStandby } from '../endpoints/candidates.ts';
import { isAlreadyProvided } from '../endpoints/plan.ts';
import { StandbySide } from '../endpoints/standby-side.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import { routesFor } from '../host/gateway.ts';
import type { PublishedPorts } from '../host/published-ports.ts';
import type { Networks } from '../networks/networks.ts';
import { Converger, refuseHost, type Wish, withoutMade } from './converger.ts';
import { filesFor } from './files.ts';
import type { Interfaces } from './interfaces.ts';

/**
 * Brings store, kernel, host ports, files and names from what a container has to what it should have. The order makes a
 * crash at any point harmless: what comes is an endpoint first, then an interface, and in the container's record at
 * last; what goes takes the way back. So what a dead daemon left half done is claimed by no record, and swept.
 */
export class OwnConverger extends Converger {
  private readonly standby: StandbySide;

  constructor(
    parts: NetworkContext,
    networks: Networks,
    endpoints: EndpointStore,
    private readonly interfaces: Interfaces,
    readonly ports: PublishedPorts,
  ) {
    super(parts, networks, endpoints);
    this.standby = new StandbySide(parts, networks);
  }

  /** @throws invalid, in the Engine's words (docker-facts 5.3 #55-57) */
  refuse({ spec: { networkMode } }: Container, network: Network): void {
    if (networkMode.kind === 'host' || networkMode.kind === 'container') {
      throw new FairleadError(
        'invalid',
        'container sharing network namespace with another container or host cannot be connected to any other network',
      );
    }
    refuseHost(network);
    if (networkMode.kind === 'none' || network.driver === 'null') {
      throw new FairleadError(
        'invalid',
        'container cannot be connected to multiple networks with one of the networks in private (none) mode',
      );
    }
  }

  /** A container that neither runs nor starts holds nothing afterwards: no endpoint, no port, no sandbox. */
  async converge(id: string, wish: Wish = {}): Promise<readonly string[]> {
    const container = this.require(id);
    const isRunning = container.state.status === 'running';
    const asked = wish.attachments?.(container.attachments) ?? container.attachments;
    const did: string[] = [];
    if (isRunning || wish.isStarting) {
      const kept = wish.check ? await this.#keepAll(container, asked, wish, did) : asked;
      const stays = await this.standby.keep(container, kept, (all, keep) =>
        this.keepEach(container, all, keep),
      );
      // Of a running container the record has what is made: what is to come is added once it is.
      await this.#record(id, isRunning ? stays.filter((one) => one.endpoint ?? one.standby) : stays);
      await runAll([
        ...this.standby.standingDown(container, stays),
        ...this.#takingOff(container, stays, did),
      ]);
      await this.#comeUp(container, stays, wish, did);
      if (wish.check === 'all') await this.ports.assert(id);
    } else {
      await this.#end(container, asked.map(withoutMade), did);
    }
    return this.report(container, did);
  }

  async #end(container: Container, wanted: readonly Attachment[], did: string[]): Promise<void> {
    await this.#record(container.id, wanted);
    try {
      await runAll([
        () => this.ports.withdraw(container.id),
        // First, so that nobody waits for it when its endpoint is gone.
        ...this.standby.standingDown(container, []),
        ...this.#takingOff(container, wanted, did),
      ]);
    } finally {
      await ownRuntime(this.parts.runtime).release(container.id);
      if (asksInside(container)) await this.parts.innerResolversChanged();
    }
  }

  async #keepAll(container: Container, wanted: readonly Attachment[], wish: Wish, did: string[]) {
    return await this.keepEach(container, wanted, async (attachment) => {
      const { kept, isRepaired } = await this.#keep(container, attachment, wish);
      if (isRepaired) did.push(`has interface ${attachment.interface?.name} again`);
      return kept;
    });
  }

  /** @throws conflict when another container has the endpoint or its address by now */
  async #keep(container: Container, attachment: Attachment, { check, present }: Wish) {
    const { directory } = this.parts;
    const same = { kept: attachment, isRepaired: false };
    const network = directory.network(attachment.network);
    // While the KV store has not been seen, nothing of it is known to be gone.
    if (!attachment.endpoint || (network?.scope !== 'local' && !directory.complete())) return same;
    if (!network) throw new FairleadError('not-found', `network ${shortId(attachment.network)} is gone`);
    return await this.parts.presence.during(network, async () => {
      const endpoint = this.endpoints.wanted(container, attachment);
      if (!endpoint) return same;
      await this.endpoints.keep(network, endpoint);
      const kept = { ...attachment, endpoint };
      const source = attachment.interface?.source;
      if (check !== 'all' || !source || present?.has(source.hostName)) return { kept, isRepaired: false };
      return { kept, isRepaired: await this.interfaces.repair(container, kept, network, endpoint) };
    });
  }

  /** Name, interface, endpoint: of what the container has and is no longer `wanted`. */
  #takingOff({ attachments, ...rest }: Container, wanted: readonly Attachment[], did: string[]) {
    const kept = new Set(wanted.flatMap(({ endpoint }) => endpoint?.id ?? []));
    const gone = attachments.filter(({ endpoint }) => endpoint && !kept.has(endpoint.id));
    did.push(...gone.map((attachment) => `is taken off ${this.whereIs(attachment)}`));
    return gone.map((attachment) => () => this.#leave({ attachments, ...rest }, attachment));
  }

  async #leave(container: Container, attachment: Attachment): Promise<void> {
    const { endpoint } = attachment;
    const network = this.parts.directory.network(attachment.network);
    // Its network went by force or on another host: what is left here is the interface.
    if (!network || !endpoint) return await this.interfaces.unplug(container, attachment);
    await runAll([
      () => this.endpoints.withdrawWhenPossible(network, endpoint),
      ...this.interfaces.removal(container, attachment, network, endpoint),
      () => this.parts.presence.converge(network.id),
    ]);
    this.#emit('disconnect', container, network);
  }

  /** Endpoint, interface, record: of what is wanted and not made yet. Routes, ports and files follow. */
  async #comeUp(before: Container, wanted: readonly Attachment[], wish: Wish, did: string[]): Promise<void> {
    const missing = wanted.filter(({ endpoint }) => !endpoint);
    await withUndo(async (undo) => {
      for (const attachment of missing) {
        const made = await this.#take(undo, before, attachment, wish);
        if (!made) continue;
        did.push(`is on ${this.whereIs(made)}${made.endpoint?.ipv4 ? ` as ${made.endpoint.ipv4}` : ''}`);
      }
      if (did.length > 0 || wish.isStarting) await this.#refresh(before, wish);
    });
  }

  /** Undefined where it only stands by: another has the service, or comes first. */
  async #take(undo: UndoStack, before: Container, wanted: Attachment, wish: Wish) {
    if (!isStandby(wanted)) return await this.#attach(undo, before.id, wanted, wish);
    const isNew = !before.attachments.some(({ serviceId }) => serviceId === wanted.serviceId);
    if (isNew)
      undo.push('standby', () =>
        runAll([
          () => this.#record(before.id, before.attachments),
          ...this.standby.standingDown({ ...before, attachments: [wanted] }, before.attachments),
        ]),
      );
    if (wish.takeOver?.serviceId !== wanted.serviceId && !this.standby.isTurn(before, wanted))
      return undefined;
    try {
      return await this.#attach(undo, before.id, wanted, wish);
    } catch (error) {
      if (isAlreadyProvided(error)) return undefined;
      throw error;
    }
  }

  async #attach(undo: UndoStack, id: string, wanted: Attachment, wish: Wish): Promise<Attachment> {
    const container = this.require(id);
    const network = this.networks.find(wanted.network);
    const service = this.serviceOf(wanted, wish);
    try {
      const made = await this.parts.presence.during(network, () =>
        withUndo(async (inner) => {
          const tookOver = isStandby(wanted) ? wish.takeOver?.tookOver : undefined;
          const endpoint = await this.endpoints.make({
            ...{ container, wanted, network, service },
            ...(tookOver ? { tookOver } : {}),
          });
          inner.push('endpoint', () => this.endpoints.withdrawWhenPossible(network, endpoint));
          const parts = await this.interfaces.make(inner, container, wanted, network, endpoint);
          return { ...wanted, network: network.id, networkName: network.name, ...parts };
        }),
      );
      undo.push('network', () => this.#leave(container, made));
      this.#emit('connect', container, network);
      const { attachments } = container;
      const at = attachments.findIndex((one) => isDeepStrictEqual(one, wanted));
      await this.#record(id, at < 0 ? [...attachments, made] : attachments.with(at, made));
      undo.push('record', () => this.#record(id, attachments));
      return made;
    } catch (error) {
      const target = service ? `service ${service.name}.${network.name}` : `network ${network.name}`;
      throw withContext(`attach ${container.name} to ${target}`, error);
    }
  }

  /** Default routes, ports and files follow; equal routes are not set again, which is a third of what an attach costs. */
  async #refresh(before: Container, { isStarting, check }: Wish): Promise<void> {
    const container = this.require(before.id);
    const isSame = isDeepStrictEqual(routesFor(before), routesFor(container));
    if (isStarting || check || !isSame) await this.#route(container);
    await this.ports.settle(container.id);
    if (asksInside(before) || asksInside(container)) await this.parts.innerResolversChanged();
    // Those of one that starts are given with its start.
    if (!isStarting)
      await ownRuntime(this.parts.runtime).setFiles(
        container.id,
        filesFor(container, this.parts.runtime.list()),
      );
  }

  /** A stack that is not the container's own has routes of its own. */
  async #route(container: Container): Promise<void> {
    const sandbox = this.parts.runtime.sandboxOf(container.id);
    if (sandbox === container.id) await this.parts.dataplane.setDefaultRoutes(sandbox, routesFor(container));
  }

  async #record(id: string, attachments: readonly Attachment[]): Promise<void> {
    if (isDeepStrictEqual(attachments, this.require(id).attachments)) return;
    await this.parts.runtime.update(id, { attachments });
  }

  #emit(action: string, container: Container, network: Network): void {
    const { id: ID, name, driver: type, scope } = network;
    const Attributes = { container: container.id, name, type };
    this.parts.events.emit({ Type: 'network', Action: action, Actor: { ID, Attributes }, scope });
  }
}

function asksInside({ attachments }: Container): boolean {
  return attachments.some((one) => one.interface?.resolver === innerResolver);
}
