import type { Lease, Store } from '../../kvstore/store.ts';
import { type Clock, systemClock, type Timer } from '../lib/clock.ts';
import { FairleadError, isKind, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { withTimeout } from '../lib/with-timeout.ts';
import type { Directory } from './directory.ts';
import { keys } from './keys.ts';
import type { NodeRecord, Scope } from './records.ts';

/** Between two tries to get a lease back, in milliseconds. */
const retryMs = 1000;
/** How long a start waits for the KV store, in milliseconds; local networks must not wait for it. */
const patienceMs = 1500;
/** How long a node that leaves waits for others to be told so, in milliseconds. */
const goodbyeMs = 1000;
/** Between two tries to write to a store that refuses it, in milliseconds: nobody else may try for hours. */
const probeMs = 5000;

/**
 * This node's registration: a lease in each store, which its endpoints hang on, and its own record. A lost lease is
 * replaced as soon as the store allows, and what hung on it must be put again. A daemon that restarts within its lease's
 * time resumes it: nothing is put again, and no other node notices.
 *
 * In the KV store the node's record comes after all its endpoints, and goes with them: a node that sees it and
 * lacks an endpoint knows that the endpoint is gone, and not still on its way (endpoint-folders.ts).
 */
export class NodeLease {
  readonly #leases = new Map<Store, Lease>();
  readonly #joined = new Set<(scope: Scope) => Promise<void>>();
  readonly #doubts = new Set<(scope: Scope) => void>();
  #announces = false;
  #closed = false;
  #self: NodeRecord;
  /** One write of the record after another: the last word is the newest one's. */
  #announcing: Promise<void> = Promise.resolve();
  /** How many of them are not done. */
  #waiting = 0;
  /** Told when the store has the record as it is now. */
  #amended: (() => void)[] = [];
  #retry: Timer | undefined;
  #localRetry: Timer | undefined;
  readonly #probe: Timer;

  constructor(
    private readonly directory: Pick<Directory, 'stores' | 'enter' | 'reachable' | 'doubt'>,
    self: NodeRecord,
    /** Of its leases. */
    readonly ttlSeconds: number,
    private readonly log: Logger,
    private readonly clock: Clock = systemClock,
  ) {
    this.#self = self;
    this.#probe = clock.every(probeMs, () => this.#writeAgain());
  }

  get self(): NodeRecord {
    return this.#self;
  }

  /** Returns once the embedded store's lease is there, unless the disk is full; the KV store's comes when it can. */
  async start(): Promise<void> {
    const { local, global } = this.directory.stores;
    await this.#joinLocal();
    if (global !== local) await withTimeout(this.#joinWhenReachable(), patienceMs);
  }

  /** The lease to put this node's endpoints on. @throws unavailable while there is none */
  lease(scope: Scope): Lease {
    const store = this.directory.reachable(scope);
    const lease = this.#leases.get(store);
    if (lease && !lease.lost.aborted) return lease;
    const { name, degraded } = store.status();
    const why = degraded === undefined ? 'try again shortly' : degraded;
    throw new FairleadError('unavailable', `this node has no lease in kv store ${name} now; ${why}`);
  }

  /** Whether this node may speak for its containers in the scope's store now. */
  hasLease(scope: Scope): boolean {
    const lease = this.#leases.get(this.directory.stores[scope]);
    return lease !== undefined && !lease.lost.aborted;
  }

  /** Called, and waited for, whenever a lease is there anew, so that what hung on the old one is put again. */
  onJoined(listener: (scope: Scope) => Promise<void>): void {
    this.#joined.add(listener);
  }

  /** Called before a lease that could not be renewed ends, and others may take what hangs on it. */
  onDoubt(listener: (scope: Scope) => void): void {
    this.#doubts.add(listener);
  }

  /** From now on the node's record is in the KV store: its endpoints are. It is put later where the store refuses it now. */
  async announce(): Promise<void> {
    this.#announces = true;
    const lease = this.#leases.get(this.directory.stores.global);
    if (lease) await withTimeout(this.#announceOn(lease), patienceMs);
  }

  /** Changes the node's record. Resolves when the KV store has it so, which may be never. */
  amend(change: Partial<Pick<NodeRecord, 'tunnelSecret' | 'engineSubnets' | 'leaving'>>): Promise<void> {
    this.#self = { ...this.#self, ...change };
    const amended = new Promise<void>((resolve) => this.#amended.push(resolve));
    const lease = this.#leases.get(this.directory.stores.global);
    if (lease && this.#announces) void this.#announceOn(lease);
    return amended;
  }

  /** Stops renewing. The containers go on running, so their endpoints stay until the lease ends. */
  close(): void {
    this.#closed = true;
    this.#probe.cancel();
    this.#retry?.cancel();
    this.#localRetry?.cancel();
  }

  /** Says goodbye, and revokes the leases: all that hangs on them goes now. */
  async leave(): Promise<void> {
    if (this.#announces) await withTimeout(this.amend({ leaving: true }), goodbyeMs);
    this.close();
    await Promise.all([...this.#leases.values()].map((lease) => lease.revoke()));
  }

  async #join(scope: Scope): Promise<void> {
    const store = this.directory.stores[scope];
    await this.directory.enter(scope);
    const lease = await this.#leaseIn(store);
    this.#leases.set(store, lease);
    lease.onDoubt(() => {
      for (const listener of this.#doubts) listener(scope);
    });
    lease.lost.addEventListener('abort', () => this.#lost(scope, store, lease), { once: true });
    for (const listener of this.#joined) await listener(scope);
    if (store === this.directory.stores.global && this.#announces) await this.#announceOn(lease);
  }

  async #leaseIn(store: Store): Promise<Lease> {
    const { local } = this.directory.stores;
    const key = keys.ticket(store.status().name);
    const known = (await local.get(key))?.value;
    const lease = await store.lease(this.ttlSeconds, known);
    if (lease.ticket !== known) {
      // A full disk, for one: then the next start takes a new lease.
      const unsaved = (error: unknown) =>
        this.log.debug(`the lease's ticket is not kept: ${messageOf(error)}`);
      await local.commit([], [{ op: 'put', key, value: lease.ticket }]).catch(unsaved);
    }
    return lease;
  }

  #announceOn(lease: Lease): Promise<void> {
    this.#waiting += 1;
    this.#announcing = this.#announcing
      .then(() => this.#putRecord(lease))
      .finally(() => (this.#waiting -= 1));
    return this.#announcing;
  }

  /** So that the store's status tells when it takes writes again. */
  #writeAgain(): void {
    const { local, global } = this.directory.stores;
    const lease = this.#leases.get(global);
    if (global === local || !lease || !this.#announces || this.#waiting > 0) return;
    if (global.status().degraded !== undefined) void this.#announceOn(lease);
  }

  /** Again and again, for as long as the lease is this node's. */
  async #putRecord(lease: Lease): Promise<void> {
    const { global } = this.directory.stores;
    while (!this.#closed && !lease.lost.aborted) {
      const record = this.#self;
      try {
        const value = JSON.stringify(record);
        await global.commit([], [{ op: 'put', key: keys.node(record.id), value, lease }]);
        if (record === this.#self) for (const resolve of this.#amended.splice(0)) resolve();
        return;
      } catch (error) {
        this.log.debug({ error: messageOf(error) }, 'this node could not be announced yet');
        await new Promise<void>((resolve) => this.clock.after(retryMs, resolve));
      }
    }
  }

  #lost(scope: Scope, store: Store, lease: Lease): void {
    if (this.#closed || this.#leases.get(store) !== lease) return;
    this.#leases.delete(store);
    this.directory.doubt();
    this.log.warn({ store: store.status().name }, 'lease lost; this node joins again');
    if (scope === 'local') void this.#joinLocal();
    else void this.#joinWhenReachable();
  }

  /** A full disk may have no room for a lease: whatever needs none goes on without. */
  async #joinLocal(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#join('local');
    } catch (error) {
      if (!isKind(error, 'unavailable')) throw error;
      if (!this.#localRetry)
        this.log.warn({ err: error }, `this node has no lease of its own store yet: ${messageOf(error)}`);
      this.#localRetry = this.clock.after(retryMs, () => this.#joinLocal());
    }
  }

  async #joinWhenReachable(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#join('global');
    } catch (error) {
      this.log.debug({ error: messageOf(error) }, 'the KV store gave no lease yet');
      if (!this.#closed) this.#retry = this.clock.after(retryMs, () => this.#joinWhenReachable());
    }
  }
}
