import type { Lease, Store } from '../../kvstore/store.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Directory } from './directory.ts';
import { keys } from './keys.ts';
import type { NodeRecord, Scope } from './records.ts';

/** Between two tries to get a lease back, in milliseconds. */
const retryMs = 1000;

/**
 * This node's place among the others: a lease in each store that its endpoints hang on, and its own
 * record. A lost lease is replaced as soon as the store allows; what hung on it must then be asserted again.
 */
export class Membership {
  readonly #leases = new Map<Store, Lease>();
  readonly #regained = new Set<(scope: Scope) => void>();
  #closed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly directory: Pick<Directory, 'stores' | 'enter'>,
    readonly self: NodeRecord,
    private readonly ttlSeconds: number,
    private readonly log: Logger,
  ) {}

  /** Returns once the embedded store's lease is there; the KV store's comes when it can. */
  async start(): Promise<void> {
    await this.#join('local');
    if (this.directory.stores.global !== this.directory.stores.local) await this.#joinWhenReachable();
  }

  /** The lease to put this node's endpoints on. @throws unavailable while there is none */
  lease(scope: Scope): Lease {
    const lease = this.#leases.get(this.directory.stores[scope]);
    if (lease && !lease.lost.aborted) return lease;
    const { name } = this.directory.stores[scope].status();
    throw new FairleadError(
      'unavailable',
      `this node has no lease in kv store ${name} now; try again shortly`,
    );
  }

  /** Called whenever a lease is there anew, so that what hung on the old one is put again. */
  onJoined(listener: (scope: Scope) => void): void {
    this.#regained.add(listener);
  }

  /** Leaves without a goodbye: the containers go on running, so their endpoints stay until the lease's end. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  async #join(scope: Scope): Promise<void> {
    const store = this.directory.stores[scope];
    await this.directory.enter(scope);
    const lease = await store.lease(this.ttlSeconds);
    const put = { op: 'put', key: keys.node(this.self.id), value: JSON.stringify(this.self), lease } as const;
    if (store === this.directory.stores.global) await store.commit([], [put]);
    this.#leases.set(store, lease);
    lease.lost.addEventListener('abort', () => this.#lost(scope, store, lease), { once: true });
    for (const listener of this.#regained) listener(scope);
  }

  #lost(scope: Scope, store: Store, lease: Lease): void {
    if (this.#closed || this.#leases.get(store) !== lease) return;
    this.#leases.delete(store);
    this.log.warn({ store: store.status().name }, 'lease lost; this node joins again');
    if (scope === 'local') void this.#join('local').catch((error) => this.log.error(messageOf(error)));
    else void this.#joinWhenReachable();
  }

  async #joinWhenReachable(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#join('global');
    } catch (error) {
      this.log.debug({ error: messageOf(error) }, 'the KV store gave no lease yet');
      this.#retry = setTimeout(() => void this.#joinWhenReachable(), retryMs);
    }
  }
}
