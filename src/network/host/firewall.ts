import type { Driver } from '../../../drivers/driver.ts';
import type { Network } from '../../cluster/records.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import type { Door, PortRule } from '../../dataplane/firewall.ts';
import type { HostEnd } from '../../dataplane/links.ts';

export interface HostFirewallDeps {
  readonly driverOf: (network: Network) => Driver;
  readonly dataplane: Dataplane;
  /** Those that are set up on this host. */
  readonly networks: () => readonly Network[];
  /** The published ports of containers on these networks. */
  readonly ports: (networks: readonly Network[]) => readonly PortRule[];
  /** Those that are reached at the containers' own addresses. */
  readonly doors: (networks: readonly Network[]) => readonly Door[];
  /** Interfaces of containers on this host. */
  readonly ends: () => readonly HostEnd[];
  readonly nodes: () => LetIn;
}

/** Who may send to this host's tunnel ports. */
export interface LetIn {
  /** Underlay addresses of the other living nodes. */
  readonly nodes: readonly string[];
  /** And those that an earlier life of this daemon has let in. */
  readonly spareNodes: boolean;
}

/** The one firewall that the networks of this host make together. */
export class HostFirewall {
  /** A process that has just begun comes to know what the one before it had set up network by network. */
  #partial = true;
  #last: Promise<void> = Promise.resolve();
  /** The one that has not begun. */
  #next: Promise<void> | undefined;
  /** Whom the last one lets in. */
  #letIn = '';

  constructor(private readonly deps: HostFirewallDeps) {}

  /** All that is used here is set up: what the firewall still has for others goes. */
  async allKnown(): Promise<void> {
    if (!this.#partial) return;
    this.#partial = false;
    await this.apply();
  }

  /** After: all nodes that are known now are let in. What leads to a node comes after it: answers are expected then. */
  async letNodesIn(): Promise<void> {
    if (this.deps.networks().length > 0 && JSON.stringify(this.deps.nodes()) !== this.#letIn)
      await this.apply();
  }

  /** One at a time, each with the newest rules: whoever asks while one waits for its turn waits for the same. */
  apply(): Promise<void> {
    if (this.#next) return this.#next;
    const apply = async () => {
      this.#next = undefined;
      const { driverOf, dataplane, ports, doors, ends, nodes } = this.deps;
      const here = this.deps.networks();
      const networks = here.flatMap((network) => driverOf(network).firewall?.(network) ?? []);
      const letIn = nodes();
      const rest = { ports: ports(here), doors: doors(here), ends: ends(), partial: this.#partial };
      await dataplane.applyFirewall({ networks, ...letIn, ...rest });
      this.#letIn = JSON.stringify(letIn);
    };
    this.#last = this.#last.then(apply, apply);
    this.#next = this.#last;
    return this.#last;
  }
}
