import { type Store, StoreRefusal, type StoreStatus } from '../../kvstore/store.ts';
import type { Clock } from '../lib/clock.ts';
import { FairleadError, isKind, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Scope } from './records.ts';

/** Where objects live. `global` is the same store as `local` when there is no --kv-store. */
export type Stores = Readonly<Record<Scope, Store>>;

/**
 * Whether the stores may be used. The KV store is shut until this node has joined it. A store with a newer
 * schema counts as unreachable and is never written.
 */
export class StoreGate {
  readonly #opened: number;
  #doubtUntil = 0;
  #shut: { readonly since: number; readonly reason: string } | undefined;

  constructor(
    private readonly stores: Stores,
    private readonly log: Logger,
    private readonly graceMs: number,
    private readonly clock: Clock,
  ) {
    this.#opened = clock.now();
    if (stores.global !== stores.local)
      this.#shut = { since: this.#opened, reason: 'this node is about to join' };
  }

  /** Opens the KV store when `step` succeeds. A refusal, which a person has to end, is logged once. */
  async open(step: () => Promise<void>): Promise<void> {
    try {
      await step();
      this.#shut = undefined;
    } catch (error) {
      const reason = whyShut(error);
      if (reason !== undefined && this.#shut?.reason !== reason) {
        this.#shut = { since: this.clock.now(), reason };
        const { name } = this.stores.global.status();
        this.log.error({ err: error }, `kv store ${name} cannot be used: ${reason}`);
      }
      throw error;
    }
  }

  /** This node has just lost its lease though it lives. */
  doubt(): void {
    this.#doubtUntil = this.clock.monotonic() + this.graceMs;
  }

  /**
   * Whether the end of another node's lease is no sign of its death. A server that stood still for longer
   * than the leases, or lost them, ends those of living nodes as well: when it goes on they vanish before the
   * nodes have put them again. So for a while after an outage, or the loss of the own lease. After a start it
   * is this node's own endpoints that its former life's lease takes away.
   */
  doubts(of: 'self' | 'other'): boolean {
    const { reachable, since } = this.stores.global.status();
    const wasAway = since > this.#opened && this.clock.now() - since < this.graceMs;
    const isYoung = of === 'self' && this.clock.now() - this.#opened < this.graceMs;
    return !reachable || wasAway || isYoung || this.clock.monotonic() < this.#doubtUntil;
  }

  status(scope: Scope): StoreStatus {
    const status = this.stores[scope].status();
    const isShut = this.#shut !== undefined && this.stores[scope] === this.stores.global;
    return isShut && status.reachable ? { ...status, ...this.#shut, reachable: false } : status;
  }

  /** @throws unavailable, with since when and why */
  reachable(scope: Scope): Store {
    if (this.status(scope).reachable) return this.stores[scope];
    throw new FairleadError('unavailable', this.complaint(scope));
  }

  /** `kv store etcd:localhost:2379 is unreachable since …: connect ECONNREFUSED …`. */
  complaint(scope: Scope): string {
    const { name, reachable, since, reason, refusal } = this.status(scope);
    if (reachable) return `kv store ${name} has not completed its first sync`;
    const isAway = !this.stores[scope].status().reachable;
    const time = new Date(since).toISOString();
    const away = refusal ? `refuses this node since ${time}` : `is unreachable since ${time}`;
    const problem = isAway ? away : 'cannot be used';
    return `kv store ${name} ${problem}${reason ? `: ${reason}` : ''}`;
  }
}

/** undefined: it may be otherwise by itself in a moment. */
function whyShut(error: unknown): string | undefined {
  if (error instanceof StoreRefusal)
    return `it refuses what a node needs to join it: ${messageOf(error.cause ?? error)}`;
  return isKind(error, 'invalid') ? messageOf(error) : undefined;
}
