import type { Association } from '../../src/dataplane/associations.ts';
import type { Tunnels } from '../../src/dataplane/tunnels.ts';
import { familyOf } from '../../src/lib/addresses.ts';
import { isKind } from '../../src/lib/errors.ts';
import { SerialQueue } from '../../src/lib/serial-queue.ts';
import type { Peer } from '../driver.ts';
import { type AssociationPlan, type PeerEnd, planAssociations } from './association-plan.ts';
import { OwnSecret, type SecretTimes } from './own-secret.ts';

/** This node, as far as encrypted tunnels are concerned. */
export interface TunnelNode extends SecretTimes {
  readonly id: string;
  /** Puts the secret into the node's record. Resolves when the store has it, however long that takes. */
  readonly publish: (secret: string | undefined) => Promise<void>;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

/** Milliseconds: that a reconcile comes by meanwhile is certain. */
const reconcilesMs = 120_000;

/**
 * The security associations of this node with all nodes that it shares encrypted networks with, kept as
 * records and kernel want them. Two nodes have one pair of them, however many networks they share.
 */
export class Encryption {
  /** Network id → its peers. */
  readonly #networks = new Map<string, readonly Peer[]>();
  readonly #queue = new SerialQueue();
  readonly #now: () => number;
  /** What is not wanted any more is taken in for so long: others may send under it still. */
  readonly #lingerMs: number;
  /** Peer's id → its secret when what is sent to it was chosen; empty: it had none. */
  readonly #seen = new Map<string, string>();
  /** A peer's address → since when its secret and ours are what they are. */
  #since: ReadonlyMap<string, { readonly secrets: string; readonly at: number }> = new Map();
  #secret: OwnSecret | undefined;

  constructor(
    private readonly dataplane: Pick<Tunnels, 'associations' | 'changeAssociations'>,
    private readonly node: TunnelNode,
  ) {
    this.#now = node.now ?? (() => performance.now());
    this.#lingerMs = reconcilesMs + 2 * node.settleMs;
  }

  /** Before its device is made. */
  enter(networkId: string): void {
    if (!this.#networks.has(networkId)) this.#networks.set(networkId, []);
  }

  /**
   * After: the kernel has what these peers on the network need, and they can know what they need. Nothing is made
   * for a network that was left meanwhile.
   */
  setPeers(networkId: string, local: string, peers: readonly Peer[]): Promise<void> {
    return this.#queue.run('', async () => {
      if (!this.#networks.has(networkId)) return;
      this.#networks.set(networkId, peers);
      await this.#sync(local);
    });
  }

  /** Before its device goes, and with the last one's all associations (dataplane.ts). */
  leave(networkId: string): Promise<void> {
    return this.#queue.run('', async () => {
      if (!this.#networks.delete(networkId) || this.#networks.size > 0) return;
      this.#secret = undefined;
      this.#seen.clear();
      this.#since = new Map();
      void this.node.publish(undefined);
    });
  }

  /** What the kernel must hold, and what it may hold for a while. */
  async expected(local: string): Promise<readonly Association[]> {
    const secret = this.#secret;
    if (!secret) return [];
    const plan = this.#plan(secret, local, await this.dataplane.associations());
    return [...plan.add, ...plan.lost, ...plan.keep, ...plan.retire, ...plan.strays];
  }

  async #sync(local: string): Promise<void> {
    const present = await this.dataplane.associations();
    let secret = this.#secret ?? this.#renew();
    let plan = this.#plan(secret, local, present);
    // Not before the old one is in use everywhere, however short the lifetime.
    const isInUse = plan.add.length + plan.retire.length === 0;
    if (plan.lost.length > 0 || (isInUse && secret.expired)) {
      secret = this.#renew();
      plan = this.#plan(secret, local, present);
    }
    secret.spend(plan.add);
    const remove = [...plan.retire, ...this.#due(plan, secret, local)];
    try {
      await this.dataplane.changeAssociations({ add: plan.add, remove });
    } catch (error) {
      // Somebody else's has one of the identifiers, which are random: the next secret gives others.
      if (isKind(error, 'conflict')) this.#secret = undefined;
      throw error;
    }
    for (const { id, secret: theirs = '', renewed } of this.#peers(local)) {
      if (!(renewed && plan.waiting.includes(id))) this.#seen.set(id, theirs);
    }
    // Only now: whoever knows it may send under it.
    secret.publish(this.node.publish);
  }

  #renew(): OwnSecret {
    this.#secret = new OwnSecret(this.node, this.#now);
    return this.#secret;
  }

  #plan(secret: OwnSecret, local: string, present: readonly Association[]): AssociationPlan {
    const { value, settled, told, spent } = secret;
    const self = { id: this.node.id, address: local, secret: value, settled, told, spent };
    return planAssociations(self, this.#peers(local), present);
  }

  /** The nodes that the endpoints are on; an underlay of two families has no way between them. */
  #peers(local: string): readonly PeerEnd[] {
    const nodes = new Map<string, PeerEnd>();
    for (const { endpoint, via, secret } of [...this.#networks.values()].flat()) {
      if (via === local || familyOf(via) !== familyOf(local)) continue;
      const { nodeId: id } = endpoint;
      const renewed = this.#seen.has(id) && this.#seen.get(id) !== secret;
      nodes.set(id, { id, address: via, renewed, ...(secret === undefined ? {} : { secret }) });
    }
    return [...nodes.values()];
  }

  /** Strays that nobody can have a use for any more. */
  #due({ strays }: AssociationPlan, { value }: OwnSecret, local: string): readonly Association[] {
    const [now, before] = [this.#now(), this.#since];
    const secrets = new Map(this.#peers(local).map(({ address, secret = '' }) => [address, secret]));
    const farEnd = ({ source, destination }: Association) => (destination === local ? source : destination);
    const addresses = new Set([...secrets.keys(), ...strays.map(farEnd)]);
    this.#since = new Map(
      [...addresses].map((address) => {
        const both = `${value} ${secrets.get(address)}`;
        const known = before.get(address);
        return [address, known?.secrets === both ? known : { secrets: both, at: now }];
      }),
    );
    return strays.filter((one) => now - (this.#since.get(farEnd(one))?.at ?? now) >= this.#lingerMs);
  }
}
