import type { Driver } from '../../drivers/driver.ts';
import type { Network } from '../cluster/records.ts';
import type { Dataplane, HostEnd, PortRule } from '../dataplane/dataplane.ts';
import { withContext } from '../lib/errors.ts';
import { runAll } from '../lib/undo.ts';
import type { Fact } from './doctor/facts.ts';
import { bridgeFact } from './doctor/kernel-facts.ts';

export interface HostNetworksDeps {
  readonly driverOf: (network: Network) => Driver;
  readonly dataplane: Dataplane;
  /** The published ports of containers on these networks. */
  readonly ports: (networks: readonly Network[]) => readonly PortRule[];
  /** Interfaces of containers on this host. */
  readonly ends: () => readonly HostEnd[];
  readonly nodes: () => LetIn;
  /** Told all networks that are set up here, after a change: their gateways can be listened on. */
  readonly onChange: (networks: readonly Network[]) => void;
  /** Told each network whose devices were made or looked at: what hangs on them may have to be put again. */
  readonly onSetUp: (network: Network) => void;
}

/** Who may send to this host's tunnel ports. */
export interface LetIn {
  /** Underlay addresses of the other living nodes. */
  readonly nodes: readonly string[];
  /** And those that an earlier life of this daemon has let in. */
  readonly spareNodes: boolean;
}

/** Which networks are set up on this host, and the one firewall that they make together. */
export class HostNetworks {
  readonly #ready = new Map<string, Promise<Network>>();
  readonly #up = new Map<string, Network>();
  /** A process that has just begun comes to know what the one before it had set up network by network. */
  #partial = true;
  #firewall: Promise<void> = Promise.resolve();
  /** The one that has not begun. */
  #nextFirewall: Promise<void> | undefined;
  /** Whom the last one lets in. */
  #letIn = '';

  constructor(private readonly deps: HostNetworksDeps) {}

  list(): readonly Network[] {
    return [...this.#up.values()];
  }

  has(networkId: string): boolean {
    return this.#up.has(networkId);
  }

  /** After: this host can have endpoints on the network. Costs nothing when it is set up already. */
  async ensure(network: Network, fresh = false): Promise<void> {
    const known = this.#ready.get(network.id);
    if (known) {
      await known;
      return;
    }
    const setUp = this.#setUp(network, fresh);
    this.#ready.set(network.id, setUp);
    setUp.catch(() => this.#ready.delete(network.id));
    await setUp;
  }

  /** Takes the network off this host; no endpoint of this node may be left on it. */
  async remove(network: Network): Promise<void> {
    this.#ready.delete(network.id);
    this.#up.delete(network.id);
    this.deps.onChange(this.list());
    await this.deps.driverOf(network).removeNetwork(network);
    await this.applyFirewall();
  }

  /** Makes the kernel match again, whatever was done to it behind our back. */
  async repair(): Promise<void> {
    const whole = await this.#wholeBridges();
    await runAll([
      ...this.list().map((network) => async () => {
        if (!(await this.#isWhole(network, whole))) await this.deps.driverOf(network).ensureNetwork(network);
        this.deps.onSetUp(network);
      }),
      () => this.applyFirewall(),
    ]);
    this.deps.onChange(this.list());
  }

  /** All that is used here is set up: what the firewall still has for others goes. */
  async allKnown(): Promise<void> {
    if (!this.#partial) return;
    this.#partial = false;
    await this.applyFirewall();
  }

  /** One look at all of them: with 500 networks, one each would take the machine away from everybody else. */
  async #wholeBridges(): Promise<ReadonlySet<string>> {
    const { bridges } = await this.deps.dataplane.survey([]);
    return new Set(bridges.map((bridge) => textOf(bridgeFact(bridge, bridge.up))));
  }

  /** Only of bridges alone a look says all: a tunnel has its entries, and what a plugin made is its own to know. */
  async #isWhole(network: Network, whole: ReadonlySet<string>): Promise<boolean> {
    const expected = await this.deps.driverOf(network).expected?.(network, []);
    if (!expected || expected.vxlans.length > 0) return false;
    return expected.bridges.every((bridge) => whole.has(textOf(bridgeFact(bridge))));
  }

  async #setUp(network: Network, fresh: boolean): Promise<Network> {
    const driver = this.deps.driverOf(network);
    try {
      await driver.ensureNetwork(network, fresh);
      this.#up.set(network.id, network);
      if (driver.firewall?.(network)) await this.applyFirewall();
    } catch (error) {
      this.#up.delete(network.id);
      throw withContext(`set up network ${network.name}: ${driver.name}`, error);
    }
    this.deps.onSetUp(network);
    this.deps.onChange(this.list());
    return network;
  }

  /** After: all nodes that are known now are let in. What leads to a node comes after it: answers are expected then. */
  async letNodesIn(): Promise<void> {
    if (this.#up.size > 0 && JSON.stringify(this.deps.nodes()) !== this.#letIn) await this.applyFirewall();
  }

  /** One at a time, each with the newest rules: whoever asks while one waits for its turn waits for the same. */
  applyFirewall(): Promise<void> {
    if (this.#nextFirewall) return this.#nextFirewall;
    const apply = async () => {
      this.#nextFirewall = undefined;
      const { driverOf, dataplane, ports, ends, nodes } = this.deps;
      const networks = this.list().flatMap((network) => driverOf(network).firewall?.(network) ?? []);
      const letIn = nodes();
      const rest = { ports: ports(this.list()), ends: ends(), partial: this.#partial };
      await dataplane.applyFirewall({ networks, ...letIn, ...rest });
      this.#letIn = JSON.stringify(letIn);
    };
    this.#firewall = this.#firewall.then(apply, apply);
    this.#nextFirewall = this.#firewall;
    return this.#firewall;
  }
}

function textOf({ what, value }: Fact): string {
  return `${what}: ${value}`;
}
