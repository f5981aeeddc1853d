import type { Network } from '../cluster/records.ts';
import { messageOf } from '../lib/errors.ts';
import { runAll } from '../lib/undo.ts';
import type { Parts } from './parts.ts';
import type { Peers } from './peers.ts';

/**
 * When this host takes part in a network of many hosts: from the first container's join to the last one's
 * leave it has the network's devices, follows its endpoints and programs its peers. A host without
 * containers on it carries nothing of it. Networks of this host alone are set up for good.
 */
export class Participation {
  /** Network id → joins that are under way: their endpoints may not be in the directory yet. */
  readonly #joining = new Map<string, number>();

  constructor(
    private readonly parts: Parts,
    private readonly peers: Peers,
  ) {}

  /** Runs what puts an endpoint on the network, with the network set up on this host. */
  async during<T>(network: Network, join: () => Promise<T>): Promise<T> {
    if (network.scope === 'local') {
      await this.parts.hostNetworks.ensure(network);
      return await join();
    }
    this.#count(network.id, 1);
    try {
      await this.#inTurn(network, () => this.#enter(network));
      const joined = await join();
      this.#count(network.id, -1);
      return joined;
    } catch (error) {
      this.#count(network.id, -1);
      await this.leaveIfUnused(network).catch((failure: unknown) =>
        this.parts.log.error(`leave network ${network.name}: ${messageOf(failure)}`),
      );
      throw error;
    }
  }

  /** After: where no container of this host is on the network any more, nothing of it is left here. */
  async leaveIfUnused(network: Network): Promise<void> {
    if (network.scope === 'local') return;
    await this.#inTurn(network, async () => {
      const { hostNetworks, directory } = this.parts;
      if (this.#isUsed(network.id) || !hostNetworks.has(network.id)) return;
      this.peers.end(network.id);
      await runAll([() => hostNetworks.remove(network), () => directory.unfollow(network.id)]);
    });
  }

  async #enter(network: Network): Promise<void> {
    const { hostNetworks, directory } = this.parts;
    await hostNetworks.ensure(network);
    // Following waits for the store, which may be away for long: better to say so at once.
    if (!directory.follows(network)) directory.reachable(network.scope);
    await directory.follow(network);
    await this.peers.begin(network);
  }

  /** Any one sign is enough: records and directory may lag behind each other. */
  #isUsed(networkId: string): boolean {
    const { directory, nodeLease, runtime } = this.parts;
    if (this.#joining.has(networkId)) return true;
    if (directory.endpointsOf(networkId).some(({ nodeId }) => nodeId === nodeLease.self.id)) return true;
    const running = runtime.list().filter(({ state }) => state.status === 'running');
    return running.some(({ memberships }) => memberships.some((m) => m.joined && m.network === networkId));
  }

  /** Entering and leaving one network never overlap. */
  #inTurn(network: Network, step: () => Promise<void>): Promise<void> {
    return this.parts.queue.run(`part in ${network.id}`, step);
  }

  #count(networkId: string, change: 1 | -1): void {
    const count = (this.#joining.get(networkId) ?? 0) + change;
    if (count > 0) this.#joining.set(networkId, count);
    else this.#joining.delete(networkId);
  }
}
