import type { Attachment, Container } from '../../container/container.ts';
import type { EngineNetwork } from '../../container/host-engine.ts';
import { isKind, messageOf } from '../../lib/errors.ts';
import { patiently } from '../../lib/patiently.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { Fact } from '../host/facts.ts';
import type { EngineTasks } from './engine-tasks.ts';
import { settingsOf } from './places.ts';

/** How long after it took a container off a network an Engine is still about to have left its Swarm, in milliseconds. */
const leaveMs = 5_000;
/** How long it is tried to put a container back, in milliseconds. */
const putBackMs = 10_000;
/** Places that containers have lost just now: only the next event says why. */
const remembered = 64;

interface Deps {
  readonly parts: NetworkContext;
  readonly engine: EngineSide;
  readonly tasks: EngineTasks;
}

/**
 * An Engine that leaves its Swarm takes every container off networks that were created `--attachable`, ours included,
 * and tells of it as if a person had done so. They are put back, as they were.
 */
export class SwarmLeave {
  /** Of networks that the Engine would empty, its ids. */
  #attachable: ReadonlySet<string> = new Set();
  #isMember = false;
  /** `CONTAINER NETWORK`, the Engine's ids → what the container asked for there. */
  readonly #places = new Map<string, Attachment>();
  /** What could not be put back, by what it is of; until the container is on the network, or is gone. */
  readonly #taken = new Map<string, { readonly containerId: string; readonly networkId: string }>();

  constructor(private readonly deps: Deps) {}

  /** At each look at all of the Engine's networks. */
  looked(found: readonly EngineNetwork[]): void {
    this.#attachable = new Set(found.flatMap(({ id, attachable }) => (attachable ? id : [])));
    this.#isMember = found.some(({ scope }) => scope === 'swarm');
  }

  /** Before the event that says so. */
  containerChanged(before: Container, after: Container): void {
    const left = before.attachments.filter(
      ({ network }) => !after.attachments.some((other) => other.network === network),
    );
    for (const place of left) this.#places.set(`${after.id} ${place.network}`, place);
    for (const oldest of [...this.#places.keys()].slice(0, -remembered)) this.#places.delete(oldest);
  }

  disconnected(engineId: string, containerId: string): void {
    const { parts, engine, tasks } = this.deps;
    const place = this.#places.get(`${containerId} ${engineId}`);
    const container = parts.runtime.get(containerId);
    const networkId = engine.links.networkOf(engineId);
    // Who has ended left by that.
    const running = container?.state.status === 'running';
    if (!this.#isMember || !this.#attachable.has(engineId) || !place || !running || !networkId) return;
    const name = parts.directory.network(networkId)?.name ?? networkId;
    tasks.run(`put container ${container.name} back on network ${name}`, async () => {
      // A person may take it off in a Swarm as well: that is left so.
      if (!(await patiently(leaveMs, async () => !(await engine.host.isInSwarm())))) return;
      await this.#putBack(engineId, container, place, { containerId, networkId });
      parts.log.info(
        `container ${container.name} was put back on network ${name}: the Docker Engine had taken it off when it left its Swarm`,
      );
    });
  }

  async #putBack(
    engineId: string,
    container: Container,
    place: Attachment,
    lost: { readonly containerId: string; readonly networkId: string },
  ): Promise<void> {
    const { engine, parts } = this.deps;
    this.#taken.set(`${container.id} ${lost.networkId}`, lost);
    let failure: unknown;
    await patiently(putBackMs, async () => {
      if (parts.runtime.get(container.id)?.state.status !== 'running' || this.#isOn(lost)) return true;
      failure = await engine.host
        .connect(engineId, container.id, settingsOf(place))
        .catch((error: unknown) => error);
      return failure === undefined || isKind(failure, 'not-found');
    });
    if (failure === undefined) this.#taken.delete(`${container.id} ${lost.networkId}`);
    else throw new Error(`the Docker Engine took it off when it left its Swarm: ${messageOf(failure)}`);
  }

  #isOn({ containerId, networkId }: { readonly containerId: string; readonly networkId: string }): boolean {
    const { parts, engine } = this.deps;
    const refs = [networkId, engine.links.engineNetworkOf(networkId)];
    return parts.runtime.get(containerId)?.attachments.some(({ network }) => refs.includes(network)) ?? false;
  }

  /** For the doctor: who is to be on a network and could not be put back. */
  facts(): readonly Fact[] {
    const { parts } = this.deps;
    for (const [key, lost] of this.#taken) {
      const running = parts.runtime.get(lost.containerId)?.state.status === 'running';
      if (!running || this.#isOn(lost) || !parts.directory.network(lost.networkId)) this.#taken.delete(key);
    }
    return [...this.#taken.values()].map(({ containerId, networkId }) => {
      const name = parts.runtime.get(containerId)?.name ?? containerId;
      const network = parts.directory.network(networkId)?.name ?? networkId;
      const value = `on it (the Docker Engine took it off when it left its Swarm; docker network connect ${network} ${name} puts it back)`;
      return { what: `container ${name} of network ${network}`, value, network: networkId };
    });
  }
}
