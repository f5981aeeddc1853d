import type { Ledger } from '../../../kvstore/local/ledger.ts';
import { MemoryStore } from '../../../kvstore/local/memory.ts';
import type {
  Check,
  CommitResult,
  Entry,
  Lease,
  Store,
  StoreStatus,
  WatchEvent,
  Write,
} from '../../../kvstore/store.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { FairleadError } from '../../lib/errors.ts';

interface Held {
  readonly lease: Lease;
  readonly lost: AbortController;
  /** This node's own deadline, while it cannot reach the store. */
  deadline?: Timer;
  doubt?: Timer;
  /** Told when that is near. */
  readonly doubts: Set<() => void>;
}

/** One node's connection to the store that all nodes share. It can be cut and mended, as that to a real server. */
export class SharedStore implements Store {
  readonly #store: MemoryStore;
  readonly #held = new Set<Held>();
  readonly #watches = new Set<CuttableWatch>();
  #status: StoreStatus;

  constructor(
    private readonly ledger: Ledger,
    private readonly clock: Clock,
  ) {
    this.#store = new MemoryStore(ledger);
    this.#status = { name: 'memory:shared', reachable: true, since: clock.now() };
  }

  cut(reason: string): void {
    if (!this.#status.reachable) return;
    this.#status = { ...this.#status, reachable: false, since: this.clock.now(), reason };
    for (const watch of this.#watches) watch.cut();
    for (const held of this.#held) {
      const { id, ttlSeconds } = held.lease;
      this.ledger.orphanLease(id, ttlSeconds);
      held.deadline = this.clock.after(ttlSeconds * 1000, () => this.#lose(held));
      // As a lease of a real store: kvstore/remote/remote-lease.ts.
      held.doubt = this.clock.after((ttlSeconds * 1000 * 5) / 6, () => this.#doubt(held));
    }
  }

  mend(): void {
    if (this.#status.reachable) return;
    this.#status = { name: this.#status.name, reachable: true, since: this.clock.now() };
    for (const held of this.#held) {
      held.deadline?.cancel();
      held.doubt?.cancel();
      if (!this.ledger.adoptLease(held.lease)) this.#lose(held);
    }
    for (const watch of this.#watches) watch.mend();
  }

  async get(key: string): Promise<Entry | undefined> {
    return this.#reached().get(key);
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    return this.#reached().list(prefix);
  }

  async commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    return this.#reached().commit(checks, writes);
  }

  watch(prefix: string): AsyncIterableIterator<WatchEvent> {
    const watch = new CuttableWatch(
      () => this.#store.watch(prefix),
      () => this.#watches.delete(watch),
      this.#status.reachable,
    );
    this.#watches.add(watch);
    return watch;
  }

  async lease(ttlSeconds: number, ticket?: string): Promise<Lease> {
    const lease = await this.#reached().lease(ttlSeconds, ticket);
    const lost = new AbortController();
    const held: Held = { lease, lost, doubts: new Set() };
    this.#held.add(held);
    const revoke = async () => {
      held.deadline?.cancel();
      held.doubt?.cancel();
      this.#held.delete(held);
      if (this.#status.reachable) await lease.revoke();
    };
    return { ...lease, lost: lost.signal, onDoubt: (listener) => held.doubts.add(listener), revoke };
  }

  status(): StoreStatus {
    return this.#status;
  }

  async close(): Promise<void> {
    for (const { deadline, doubt } of this.#held) for (const timer of [deadline, doubt]) timer?.cancel();
    for (const watch of [...this.#watches]) await watch.return();
    await this.#store.close();
  }

  #doubt({ doubts }: Held): void {
    for (const listener of doubts) listener();
  }

  #lose(held: Held): void {
    this.#held.delete(held);
    held.lost.abort();
  }

  #reached(): MemoryStore {
    const { reachable, name, since, reason } = this.#status;
    if (reachable) return this.#store;
    const time = new Date(since).toISOString();
    throw new FairleadError('unavailable', `kv store ${name} is unreachable since ${time}: ${reason}`);
  }
}

/** While the store is away the iteration waits; then it begins again, with a snapshot. */
class CuttableWatch implements AsyncIterableIterator<WatchEvent> {
  #inner: AsyncIterableIterator<WatchEvent> | undefined;
  #mended: () => void = () => {};
  #isEnded = false;

  constructor(
    private readonly open: () => AsyncIterableIterator<WatchEvent>,
    private readonly onEnd: () => void,
    isReachable: boolean,
  ) {
    if (isReachable) this.#inner = open();
  }

  cut(): void {
    const inner = this.#inner;
    this.#inner = undefined;
    void inner?.return?.();
  }

  mend(): void {
    if (this.#isEnded || this.#inner) return;
    this.#inner = this.open();
    this.#mended();
  }

  async next(): Promise<IteratorResult<WatchEvent>> {
    while (!this.#isEnded) {
      const inner = this.#inner;
      const result = inner ? await inner.next() : await this.#untilMended();
      // What came of a connection that is cut by now has not arrived.
      if (result && !result.done && this.#inner === inner) return result;
      if (result?.done && this.#inner === inner) break;
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<WatchEvent>> {
    this.#isEnded = true;
    this.onEnd();
    this.cut();
    this.#mended();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #untilMended(): Promise<undefined> {
    await new Promise<void>((resolve) => {
      this.#mended = resolve;
    });
  }
}
