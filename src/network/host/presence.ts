import type { Driver } from '../../../drivers/driver.ts';
import type { Directory } from '../../cluster/directory.ts';
import type { Network } from '../../cluster/records.ts';
import type { Runtime } from '../../container/runtime.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { FairleadError, messageOf, withContext } from '../../lib/errors.ts';
import type { Locks } from '../../lib/locks.ts';
import type { Logger } from '../../lib/log.ts';
import { runAll } from '../../lib/undo.ts';
import type { Fact } from './facts.ts';
import type { HostFirewall } from './firewall.ts';
import { bridgeFact, parentFact } from './kernel-facts.ts';
import type { Peers } from './peers.ts';

export interface PresenceDeps {
  readonly directory: Directory;
  readonly runtime: Runtime;
  readonly dataplane: Dataplane;
  readonly locks: Locks;
  readonly log: Logger;
  readonly nodeId: string;
  readonly driverOf: (network: Network) => Driver;
  readonly firewall: HostFirewall;
  readonly peers: Peers;
  /** Told all networks that are set up here, after a change: their gateways can be listened on. */
  readonly onChange: (networks: readonly Network[]) => void;
}

/**
 * Which networks are set up on this host: its own for good; one of many hosts from its first container's attach here to
 * the last one's leave, with its devices, its endpoints followed and its peers programmed. All of it happens under the
 * network's lock, which a removal holds as well: what is set up belongs to a network that is there.
 */
export class Presence {
  readonly #up = new Map<string, Network>();
  /** Whose set-up failed: something of it may be there. */
  readonly #halfway = new Map<string, Network>();
  /** Network id → attaches that are under way: their endpoints may not be in the directory yet. */
  readonly #holds = new Map<string, number>();

  constructor(private readonly deps: PresenceDeps) {}

  list(): readonly Network[] {
    return [...this.#up.values()];
  }

  /** Ids of those that endpoints are being put on: an Engine's plugin does so at any time, in the middle of a sweep too. */
  held(): ReadonlySet<string> {
    return new Set(this.#holds.keys());
  }

  /** Runs what puts an endpoint on the network, with the network set up. @throws not-found when it was removed meanwhile */
  async during<T>(network: Network, step: () => Promise<T>): Promise<T> {
    try {
      return await this.#holding(network, step);
    } catch (error) {
      await this.converge(network.id).catch((failure: unknown) =>
        this.deps.log.error({ err: failure }, `leave network ${network.name}: ${messageOf(failure)}`),
      );
      throw error;
    }
  }

  async #holding<T>({ id, name }: Network, step: () => Promise<T>): Promise<T> {
    this.#holds.set(id, (this.#holds.get(id) ?? 0) + 1);
    try {
      await this.converge(id);
      if (!this.#up.has(id)) throw new FairleadError('not-found', `network ${name} not found`);
      return await step();
    } finally {
      const left = (this.#holds.get(id) ?? 1) - 1;
      if (left > 0) this.#holds.set(id, left);
      else this.#holds.delete(id);
    }
  }

  /**
   * After: the network is set up here if it should be, and else nothing of it is left. Costs nothing where that is so.
   * @param fresh it has just been created: no driver on any host has had it before
   */
  async converge(networkId: string, fresh = false): Promise<void> {
    await this.deps.locks.run('network', networkId, async () => {
      const network = this.deps.directory.network(networkId);
      const up = this.#up.get(networkId);
      if (network && this.#isWanted(network)) {
        // Nobody new gets on a network that is being removed; who is on it, stays.
        if (up || !network.removing) await this.#enter(network, fresh);
      } else {
        const there = up ?? this.#halfway.get(networkId);
        if (there) await this.leave(there);
      }
    });
  }

  /** Before: under the network's lock, and no endpoint of this node is on it. After: nothing of it is left here. */
  async leave(network: Network): Promise<void> {
    const { peers, firewall, directory, driverOf } = this.deps;
    this.#up.delete(network.id);
    this.#halfway.delete(network.id);
    peers.end(network.id);
    this.deps.onChange(this.list());
    await runAll([
      () => driverOf(network).removeNetwork(network),
      () => firewall.apply(),
      () => directory.unfollow(network.id),
    ]);
  }

  /** Makes the kernel match again, whatever was done to it behind our back. */
  async repair(): Promise<void> {
    const whole = await this.#wholeDevices();
    const { locks, firewall, driverOf, peers } = this.deps;
    await runAll([
      ...this.list().map(
        (network) => () =>
          locks.run('network', network.id, async () => {
            if (!this.#up.has(network.id)) return;
            if (!(await this.#isWhole(network, whole))) await driverOf(network).ensureNetwork(network);
            peers.refresh(network.id);
          }),
      ),
      () => firewall.apply(),
    ]);
    this.deps.onChange(this.list());
  }

  async #enter(network: Network, fresh: boolean): Promise<void> {
    const { directory, peers } = this.deps;
    if (!this.#up.has(network.id)) await this.#setUp(network, fresh);
    if (network.scope === 'local') return;
    // Following waits for the store, which may be away for long: better to say so at once.
    if (!directory.follows(network)) directory.reachable(network.scope);
    await directory.follow(network);
    await peers.begin(network);
  }

  async #setUp(network: Network, fresh: boolean): Promise<void> {
    const driver = this.deps.driverOf(network);
    try {
      await driver.ensureNetwork(network, fresh);
      this.#up.set(network.id, network);
      this.#halfway.delete(network.id);
      if (driver.firewall?.(network)) await this.deps.firewall.apply();
    } catch (error) {
      this.#up.delete(network.id);
      this.#halfway.set(network.id, network);
      throw withContext(`set up network ${network.name}: ${driver.name}`, error);
    }
    this.deps.peers.refresh(network.id);
    this.deps.onChange(this.list());
  }

  /** Any one sign of who here is on it is enough: records and directory may lag behind each other. */
  #isWanted({ id, scope }: Network): boolean {
    if (scope === 'local' || this.#holds.has(id)) return true;
    const { directory, runtime, nodeId } = this.deps;
    if (directory.endpointsOf(id).some((endpoint) => endpoint.nodeId === nodeId)) return true;
    const running = runtime.list().filter(({ state }) => state.status === 'running');
    return running.some(({ attachments }) =>
      attachments.some((a) => (a.endpoint ?? a.standby) && a.network === id),
    );
  }

  /** One look at all of them: with 500 networks, one each would take the machine away from everybody else. */
  async #wholeDevices(): Promise<ReadonlySet<string>> {
    const { bridges, parents } = await this.deps.dataplane.survey([]);
    const facts = [
      ...bridges.map((bridge) => bridgeFact(bridge, bridge.up)),
      ...parents.map((parent) => parentFact(parent, parent.up)),
    ];
    return new Set(facts.map(textOf));
  }

  /** Only of bridges and parents a look says all: a tunnel has its entries, and what a plugin made is its own to know. */
  async #isWhole(network: Network, whole: ReadonlySet<string>): Promise<boolean> {
    const expected = await this.deps.driverOf(network).expected?.(network, []);
    if (!expected || expected.vxlans.length > 0) return false;
    const { bridges, parents = [] } = expected;
    const facts = [...bridges.map((bridge) => bridgeFact(bridge)), ...parents.map((one) => parentFact(one))];
    return facts.every((fact) => whole.has(textOf(fact)));
  }
}

function textOf({ what, value }: Fact): string {
  return `${what}: ${value}`;
}
