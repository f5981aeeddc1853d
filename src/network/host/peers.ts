import type { Driver, Peer } from '../../../drivers/driver.ts';
import type { Directory } from '../../cluster/directory.ts';
import type { Endpoint, Network } from '../../cluster/records.ts';
import { type Clock, systemClock, type Timer } from '../../lib/clock.ts';
import { messageOf, withContext } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import type { Logger } from '../../lib/log.ts';
import { SerialQueue } from '../../lib/serial-queue.ts';

export interface PeersDeps {
  readonly directory: Directory;
  readonly nodeId: string;
  readonly driverOf: (network: Network) => Driver;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Lets the nodes in that are known now; before anything leads to them. */
  readonly letNodesIn: () => Promise<void>;
  /** Milliseconds from now in which what is programmed already is not taken away; see `#program`. */
  readonly graceMs?: number;
}

/**
 * Tells drivers which endpoints other nodes have on the networks that this node takes part in: all of them,
 * whenever the directory shows a change. Of changes that come while a network is being programmed the next
 * pass sees the last, so that a burst costs two passes and not one each.
 */
export class Peers {
  readonly #networks = new Map<string, Network>();
  /** Passes that have been asked for and have not looked at the directory yet. */
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #queue = new SerialQueue();
  /** Nodes of which it has been said that they cannot be reached. */
  readonly #mute = new Set<string>();
  readonly #unsubscribe: () => void;
  #settling: boolean;
  readonly #settled: Timer | undefined;

  constructor(private readonly deps: PeersDeps) {
    const { graceMs = 0, clock = systemClock } = deps;
    this.#settling = graceMs > 0;
    if (this.#settling) this.#settled = clock.after(graceMs, () => this.#settle());
    this.#unsubscribe = deps.directory.subscribe((networkIds) => {
      this.#letNodesIn();
      for (const id of networkIds) this.refresh(id);
    });
  }

  /**
   * Before: the network is set up here and its endpoints are known; with fewer than all of them, those of
   * containers that run would be taken away. After: its peers are programmed, and will be kept so.
   */
  async begin(network: Network): Promise<void> {
    if (!this.deps.driverOf(network).setPeers || this.#networks.has(network.id)) return;
    this.#networks.set(network.id, network);
    await this.#request(network.id);
  }

  end(networkId: string): void {
    this.#networks.delete(networkId);
  }

  /** In the background; costs nothing for a network that was not begun. What fails is logged. */
  refresh(networkId: string): void {
    if (!this.#networks.has(networkId)) return;
    this.#request(networkId).catch((error: unknown) => this.deps.log.error({ err: error }, messageOf(error)));
  }

  /** Whether what no record speaks for is spared still. */
  get settling(): boolean {
    return this.#settling;
  }

  /** Programs all networks now. Rejects with the first failure. */
  async programAll(): Promise<void> {
    await Promise.all([...this.#networks.keys()].map((networkId) => this.#request(networkId)));
  }

  async close(): Promise<void> {
    this.#settled?.cancel();
    this.#unsubscribe();
    this.#networks.clear();
    await Promise.allSettled(this.#waiting.values());
  }

  #request(networkId: string): Promise<void> {
    const waiting = this.#waiting.get(networkId);
    if (waiting) return waiting;
    const pass = this.#queue.run(networkId, () => {
      this.#waiting.delete(networkId);
      return this.#program(networkId);
    });
    this.#waiting.set(networkId, pass);
    return pass;
  }

  /** The underlay addresses of the other living nodes. */
  nodes(): readonly string[] {
    const { directory, nodeId } = this.deps;
    const others = directory.nodes().filter(({ id }) => id !== nodeId);
    return [...new Set(others.flatMap(({ advertise }) => advertise ?? []))].sort();
  }

  /** A node may send before it has an endpoint that is known here. */
  #letNodesIn(): void {
    this.deps.letNodesIn().catch((error: unknown) => this.deps.log.error({ err: error }, messageOf(error)));
  }

  #settle(): void {
    this.#settling = false;
    this.#letNodesIn();
    for (const networkId of this.#networks.keys()) this.refresh(networkId);
  }

  /**
   * For a lease's time after a start, entries that no record speaks for are left from the daemon's earlier life,
   * and stay: all nodes may have been restarted together, for longer than their leases, and packets must
   * flow until the slowest has put its endpoints again.
   */
  async #program(networkId: string): Promise<void> {
    const network = this.#networks.get(networkId);
    if (!network) return;
    const { directory, nodeId } = this.deps;
    const own = directory.endpointsOf(networkId).filter((endpoint) => endpoint.nodeId === nodeId);
    const spare = this.#settling ? { except: own } : undefined;
    try {
      await this.deps.letNodesIn();
      await this.deps.driverOf(network).setPeers?.(network, this.of(networkId), spare);
    } catch (error) {
      // Its devices went while it was programmed: the last container has left.
      if (this.#networks.has(networkId)) throw withContext(`peers of network ${network.name}`, error);
    }
  }

  /** The endpoints that other nodes have on the network, as far as they can be reached. */
  of(networkId: string): readonly Peer[] {
    const { directory, nodeId } = this.deps;
    const nodes = new Map(directory.nodes().map((node) => [node.id, node]));
    return directory.endpointsOf(networkId).flatMap((endpoint) => {
      if (endpoint.nodeId === nodeId) return [];
      const node = nodes.get(endpoint.nodeId);
      if (node && node.advertise === undefined) this.#sayMute(endpoint, node.name);
      if (node?.advertise === undefined) return [];
      const { advertise: via, tunnelSecret: secret } = node;
      return [{ endpoint, via, ...(secret === undefined ? {} : { secret }) }];
    });
  }

  #sayMute({ nodeId, containerName }: Endpoint, name: string): void {
    if (this.#mute.has(nodeId)) return;
    this.#mute.add(nodeId);
    this.deps.log.warn(
      `node ${name} (${shortId(nodeId)}) advertises no address: its containers (${containerName}, …) ` +
        'cannot be reached from here; start its daemon with --advertise ADDR|IFACE',
    );
  }
}
