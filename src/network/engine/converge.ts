import { isDeepStrictEqual } from 'node:util';
import type { Network, Service } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import type { EnginePlace, ServiceWish } from '../../container/host-engine.ts';
import { withoutPrefix } from '../../lib/addresses.ts';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { apart } from '../../lib/locks.ts';
import { type UndoStack, withUndo } from '../../lib/undo.ts';
import { Converger, type Wish } from '../containers/converger.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import type { Networks } from '../networks/networks.ts';
import type { PendingEndpoints } from '../plugin/pending-endpoints.ts';
import type { EndpointRecords } from './endpoint-records.ts';
import type { EngineTasks } from './engine-tasks.ts';
import { asOwn, own, placeAmong, settingsOf } from './places.ts';

export interface EngineConvergerDeps {
  readonly parts: NetworkContext;
  readonly engine: EngineSide;
  readonly networks: Networks;
  readonly endpoints: EndpointStore;
  readonly pending: PendingEndpoints;
  readonly records: EndpointRecords;
  readonly tasks: EngineTasks;
}

/** What is to change on one network. */
interface Move {
  readonly networkId: string;
  readonly before: readonly Attachment[];
  readonly after: readonly Attachment[];
  readonly wish: Wish;
}

/**
 * Where an Engine runs the containers, it moves their interfaces, and asks us as its plugin on the way. It keeps which
 * networks they are on; we keep which services they back (ServiceWish). The Engine has a container on a network once:
 * one that backs a service there has the service's address, and its own place again afterwards.
 */
export class EngineConverger extends Converger {
  constructor(private readonly deps: EngineConvergerDeps) {
    super(deps.parts, deps.networks, deps.endpoints);
  }

  /** Beside the service that it backs on a network, a container may have a place of its own there: without endpoint. */
  override require(id: string): Container {
    const container = super.require(id);
    const wishes = this.deps.engine.links.serviceWishes().filter(({ containerId }) => containerId === id);
    const places = new Map(container.attachments.map((one) => [this.#idOf(one), one]));
    const backing = wishes.flatMap(({ networkId: network, serviceId, restore }) => {
      const place = { aliases: [], ...places.get(network), network, serviceId };
      places.delete(network);
      return restore ? [{ ...restore, network }, place] : [place];
    });
    return { ...container, attachments: [...places.values(), ...backing] };
  }

  /** The Engine itself refuses what it cannot do, but knows no services. @throws forbidden | conflict */
  refuse({ name, state, attachments }: Container, network: Network, service?: Service): void {
    const there = attachments.filter((one) => this.#idOf(one) === network.id);
    const other = there.find(({ serviceId }) => serviceId !== undefined);
    if (!service && other && state.status === 'running') {
      throw new FairleadError(
        'forbidden',
        `endpoint with name ${name} already exists in network ${network.name}`,
      );
    }
    if (!service || !other) return;
    const backed = this.serviceOf(other, {})?.name ?? shortId(other.serviceId ?? '');
    throw new FairleadError(
      'conflict',
      `container ${name} backs service ${backed} on network ${network.name} already, and a Docker Engine puts a ` +
        'container on a network once: detach it first, or publish the other service on another network',
    );
  }

  /** Networks change by a wish only: what the Engine has is true. The endpoints of a running container are put again. */
  async converge(id: string, wish: Wish = {}): Promise<readonly string[]> {
    const container = this.require(id);
    const asked = wish.attachments?.(container.attachments) ?? container.attachments;
    const did: string[] = [];
    await withUndo(async (undo) => {
      for (const networkId of new Set([...container.attachments, ...asked].map((one) => this.#idOf(one)))) {
        const on = (list: readonly Attachment[]) => list.filter((one) => this.#idOf(one) === networkId);
        const move = { networkId, before: on(container.attachments), after: on(asked), wish };
        if (!isDeepStrictEqual(move.before, move.after))
          did.push(...(await this.#move(undo, container, move)));
      }
    });
    const now = this.parts.runtime.get(id);
    if (now?.state.status === 'running') await this.#keepAll(now);
    return this.report(container, did);
  }

  /** Has its endpoints say what the Engine says of it now. Without the node's lock: no sweep keeps it from its names. */
  async follow(id: string): Promise<void> {
    await this.parts.locks.run('container', id, async () => {
      if (this.parts.runtime.get(id)) await this.converge(id);
    });
  }

  async #move(undo: UndoStack, container: Container, move: Move): Promise<readonly string[]> {
    const { networkId, before, after, wish } = move;
    const [from, to] = [placeAmong(before), placeAmong(after)];
    if (to && this.#isExclusive(to, wish)) await this.#takeFromOthers(container, to);
    await this.#record(undo, container, move);
    const network = this.networks.named(networkId);
    if (!network || (from && to && this.#staysPut(from, to, wish))) return [];
    if (from) {
      await this.deps.engine.host.disconnect(this.#known(network), container.id);
      undo.push('network', () => this.#connect(network, container, from, wish));
    }
    if (to) await this.#putOn(network, container, asOwn(to, own(after) ?? to), wish);
    return [
      ...(from ? [`is taken off ${this.whereIs(from)}`] : []),
      ...(to ? [`is put on ${this.whereIs(to)}`] : []),
    ];
  }

  /** A shared service's provider has the address that it has without. */
  #staysPut(from: Attachment, to: Attachment, wish: Wish): boolean {
    if (from.serviceId === to.serviceId) return from === to;
    return !this.#isExclusive(from, wish) && !this.#isExclusive(to, wish);
  }

  #isExclusive(attachment: Attachment, wish: Wish): boolean {
    return attachment.serviceId !== undefined && !this.serviceOf(attachment, wish)?.shared;
  }

  /** Containers that do not run and were to back it do so no longer. */
  async #takeFromOthers({ id }: Container, { serviceId }: Attachment): Promise<void> {
    for (const other of this.deps.engine.links.serviceWishes()) {
      const isOther = other.serviceId === serviceId && other.containerId !== id;
      if (isOther && this.parts.runtime.get(other.containerId))
        await this.converge(other.containerId, without(other));
    }
  }

  async #record(undo: UndoStack, { id }: Container, { before, after }: Move): Promise<void> {
    const { links } = this.deps.engine;
    const [then, now] = [this.#wishIn(id, before), this.#wishIn(id, after)];
    const replace = async (old: ServiceWish | undefined, put: ServiceWish | undefined) => {
      if (isDeepStrictEqual(old, put)) return;
      if (put) await links.putServiceWish(put);
      else if (old) await links.dropServiceWish(old);
    };
    await replace(then, now);
    undo.push('service', () => replace(now, then));
  }

  #wishIn(containerId: string, attachments: readonly Attachment[]): ServiceWish | undefined {
    const place = placeAmong(attachments);
    if (place?.serviceId === undefined) return undefined;
    const restore = own(attachments);
    return {
      ...{ containerId, networkId: this.#idOf(place), serviceId: place.serviceId },
      ...(restore ? { restore: settingsOf(restore) } : {}),
    };
  }

  /** An exclusive service's endpoint is committed first, so that nobody else can have it; the Engine then makes it. */
  async #putOn(network: Network, container: Container, to: Attachment, wish: Wish): Promise<void> {
    const { endpoints, pending } = this.deps;
    const service = this.serviceOf(to, wish);
    if (!service || service.shared || container.state.status !== 'running')
      return await this.#connect(network, container, to, wish);
    const wanted = { network: network.id, serviceId: service.id, aliases: to.aliases };
    await this.parts.presence.during(network, () =>
      withUndo(async (undo) => {
        pending.expect(service.endpointId);
        const endpoint = await endpoints.make({ container, wanted, network, service });
        undo.push('endpoint', () => endpoints.withdrawWhenPossible(network, endpoint));
        await this.#connect(network, container, to, wish);
      }),
    );
  }

  async #connect(network: Network, { id }: Container, to: Attachment, wish: Wish): Promise<void> {
    const { name, aliases = [], ipv4, ipv6 } = this.serviceOf(to, wish) ?? {};
    const place: EnginePlace = {
      ...settingsOf(to),
      aliases: [...new Set([...to.aliases, ...(name === undefined ? [] : [name]), ...aliases])],
      ...(ipv4 ? { ipv4: withoutPrefix(ipv4) } : {}),
      ...(ipv6 ? { ipv6: withoutPrefix(ipv6) } : {}),
    };
    await this.deps.engine.host.connect(this.#known(network), id, place).catch((error: unknown) => {
      throw withoutSubnet.test(messageOf(error)) ? unfit(network, error) : error;
    });
  }

  /** What is lost is let go of; the Engine is asked later, for it may be waiting for us. */
  async #keepAll(container: Container): Promise<void> {
    const stays = await this.keepEach(container, container.attachments, async (attachment) => {
      await this.deps.records.keep(container, attachment);
      return attachment;
    });
    for (const lost of container.attachments.filter((one) => !stays.includes(one))) {
      const attachments = (now: readonly Attachment[]) =>
        now.filter(({ endpoint }) => endpoint?.id !== lost.endpoint?.id);
      this.deps.tasks.run(`take ${container.name} off ${this.whereIs(lost)}`, () =>
        apart(() =>
          this.exclusively(
            container.id,
            async () => void (await this.converge(container.id, { attachments })),
          ),
        ),
      );
    }
  }

  /** A container that never ran names its network as its creator did. */
  #idOf({ network }: Pick<Attachment, 'network'>): string {
    return this.networks.named(network)?.id ?? network;
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
}

/** The Engine's words: it gives no chosen address on a network that was created there without a subnet. */
const withoutSubnet = /user specified IP address is supported only/;

function unfit({ name }: Network, cause: unknown): FairleadError {
  return new FairleadError(
    'forbidden',
    `network ${name} was created at the Docker Engine of this host without --subnet, and there it gives no address that ` +
      'was chosen, such as a service’s: publish the service on a network that was created with --subnet, or with fairlead network create',
    { cause },
  );
}

/** The wish of a container that is to back the service no longer. */
export function without({ serviceId }: Pick<ServiceWish, 'serviceId'>): Wish {
  return { attachments: (now) => now.filter((one) => one.serviceId !== serviceId) };
}
