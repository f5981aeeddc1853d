import { isDeepStrictEqual } from 'node:util';
import type { Container, PortBinding } from '../../container/container.ts';
import { FairleadError, isKind, messageOf } from '../../lib/errors.ts';
import { UndoStack } from '../../lib/undo.ts';
import { driverOf, type NetworkContext } from '../context.ts';
import { gatewayAttachment } from './gateway.ts';
import { directBinding, ephemeral, overlaps, type WantedPort, wantedPorts } from './port-choice.ts';
import { hostSideOf, isOnHost, targetOf } from './port-rules.ts';

/** How the message of a start begins that a port keeps from succeeding; the Engine's words. */
export const portClash = 'driver failed programming external connectivity on endpoint';

/**
 * The host's ports of running containers. The container's record says which it has, so that a crash loses
 * none and keeps none: rules are made from the records (port-rules.ts), and a record that no longer runs is
 * cleared by reconcile. They lead to the place that has the way out, whichever that is at the moment.
 */
export class PublishedPorts {
  /** Ephemeral ports go round, so that one just given up is not the next one's. */
  #next = ephemeral.first;

  constructor(private readonly parts: NetworkContext) {}

  /**
   * Before: inside the container's turn, its attachments made. After: it has the ports that it asks for, if it
   * has a way out, and none if not.
   * @throws conflict, in the Engine's words, when a port is taken
   */
  async settle(id: string): Promise<void> {
    const container = this.#require(id);
    if (!container.spec.publish && !container.published) return;
    if (!gatewayAttachment(container) || this.#byPlugin(container)) return await this.withdraw(id);
    if (!container.published?.length) await this.parts.locks.run('ports', 'host', () => this.#publish(id));
    await this.#hold(this.#require(id));
    await this.parts.firewall.apply();
  }

  /** Gives all of them up: first in the record, so that a crash in between gives them up as well. Repeatable. */
  async withdraw(id: string): Promise<void> {
    const { published = [] } = this.#require(id);
    if (published.length === 0) return;
    await this.parts.runtime.update(id, { published: [] });
    await this.parts.firewall.apply();
    for (const binding of published.filter(isOnHost))
      await this.parts.dataplane.releasePort(hostSideOf(binding));
  }

  /** Holds again what a running container has, after a restart of the daemon. */
  async assert(id: string): Promise<void> {
    const container = this.#require(id);
    if (container.published?.length) await this.#hold(container);
  }

  /** A plugin was told of the ports when the container joined, and publishes them in its own way. */
  #byPlugin(container: Container): boolean {
    const place = gatewayAttachment(container);
    const network = place && this.parts.directory.network(place.network);
    return network !== undefined && driverOf(this.parts, network).publishesPorts === true;
  }

  async #publish(id: string): Promise<void> {
    const container = this.#require(id);
    const place = gatewayAttachment(container);
    const network = place && this.parts.directory.network(place.network);
    const { hostBinding = '0.0.0.0', ways = {} } =
      (network && driverOf(this.parts, network).firewall?.(network)) ?? {};
    const undo = new UndoStack();
    const published: PortBinding[] = [];
    try {
      for (const wanted of wantedPorts(container.spec, hostBinding)) {
        const direct = place?.endpoint && directBinding(wanted, ways, place.endpoint);
        if (direct) {
          if (!published.some((other) => isDeepStrictEqual(other, direct))) published.push(direct);
          continue;
        }
        const sibling = published.find(
          (other) => isOnHost(other) && other.port === wanted.port && other.protocol === wanted.protocol,
        );
        const taken = await this.#take(wanted, published, wanted.implied ? sibling?.hostPort : undefined);
        if (!taken) continue;
        published.push(taken);
        undo.push('port', () => this.parts.dataplane.releasePort(hostSideOf(taken)));
      }
      await this.parts.runtime.update(id, { published });
    } catch (error) {
      await undo.unwind();
      const endpoint = `${container.name} (${place?.endpoint?.id})`;
      throw new FairleadError('conflict', `${portClash} ${endpoint}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** @returns undefined for an implied one that this host cannot have */
  async #take(
    wanted: WantedPort,
    published: readonly PortBinding[],
    preferred: number | undefined,
  ): Promise<PortBinding | undefined> {
    const { protocol, port, address, range, implied } = wanted;
    const held = [...this.#bindings(), ...published];
    let refusal: unknown;
    for (const hostPort of this.#candidates(range, preferred)) {
      const binding = { protocol, port, address, hostPort };
      if (held.some((other) => overlaps(other, binding))) continue;
      try {
        await this.parts.dataplane.holdPort(hostSideOf(binding));
        if (!range) this.#next = hostPort + 1;
        return binding;
      } catch (error) {
        if (implied && isKind(error, 'unsupported')) return undefined;
        refusal = error;
        if (!isKind(error, 'conflict')) break;
      }
    }
    if (refusal) throw new FairleadError('conflict', `Error starting userland proxy: ${messageOf(refusal)}`);
    const one = range && range.first === range.last;
    throw new FairleadError(
      'conflict',
      one
        ? `Bind for ${address}:${range.first} failed: port is already allocated`
        : 'all ports are allocated',
    );
  }

  *#candidates(range: WantedPort['range'], preferred: number | undefined): Iterable<number> {
    if (preferred !== undefined) yield preferred;
    const { first, last } = range ?? ephemeral;
    const start = range ? first : this.#next;
    for (let offset = 0; offset <= last - first; offset += 1) {
      yield first + ((start - first + offset) % (last - first + 1));
    }
  }

  #bindings(): readonly PortBinding[] {
    return this.parts.runtime.list().flatMap(({ published = [] }) => published);
  }

  async #hold(container: Container): Promise<void> {
    const endpoint = gatewayAttachment(container)?.endpoint;
    for (const binding of (container.published ?? []).filter(isOnHost)) {
      try {
        const target = endpoint && targetOf(binding, endpoint);
        await this.parts.dataplane.holdPort(hostSideOf(binding), target);
      } catch (error) {
        // While no daemon ran, a program took it: the rules still lead to the container.
        this.parts.log.warn(
          { err: error },
          `port ${binding.hostPort} of container ${container.name}: ${messageOf(error)}`,
        );
      }
    }
  }

  #require(id: string): Container {
    const container = this.parts.runtime.get(id);
    if (!container) throw new FairleadError('not-found', `No such container: ${id}`);
    return container;
  }
}
