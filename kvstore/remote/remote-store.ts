import { setTimeout as pause } from 'node:timers/promises';
import { Channel } from '../../src/lib/channel.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import { checkCommit, checkFolder, checkKey, checkTtl } from '../limits.ts';
import {
  type Check,
  type CommitResult,
  type Entry,
  type Lease,
  type Store,
  StoreRefusal,
  type StoreStatus,
  type WatchEvent,
  type Write,
} from '../store.ts';
import { type Backend, callLimit, Gap, type Grant, neverSent } from './backend.ts';
import { Reachability, type WriteKind } from './reachability.ts';
import { grantTicket, RemoteLease } from './remote-lease.ts';

/** Milliseconds between tries of a watch while the server is away, doubled from the first to the last. */
const firstDelay = 50;
const lastDelay = 2000;
/** A watcher that lets this many events wait is given a snapshot in their place, so it costs no memory. */
const maxBacklog = 1024;

/** A store on a server: the part of the contract that is the same for every kind of server. */
export class RemoteStore implements Store {
  readonly #backend: Backend;
  readonly #reachability: Reachability;
  readonly #closing = new AbortController();
  readonly #leases = new Set<RemoteLease>();
  readonly #watches = new Set<Promise<void>>();

  constructor(backend: Backend, name: string) {
    this.#backend = backend;
    this.#reachability = new Reachability(name);
  }

  async get(key: string): Promise<Entry | undefined> {
    checkKey(key);
    return this.#ask(() => beforeLimit(this.#backend.get(key)));
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    checkFolder(prefix);
    return this.#ask(() => this.#backend.list(prefix));
  }

  async commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    checkCommit(checks, writes);
    const result = await this.#ask(() => beforeLimit(this.#backend.commit(checks, writes)), {
      doubt: ' (the change may have been made)',
      kind: 'put',
    });
    if (result.ok && writes.some(({ op }) => op === 'put')) this.#reachability.writesTaken('put');
    return result;
  }

  watch(prefix: string): AsyncIterableIterator<WatchEvent> {
    checkFolder(prefix);
    this.#mustBeOpen();
    const ended = new AbortController();
    const channel: Channel<WatchEvent> = new Channel(() => ended.abort());
    const watching = this.#keepFollowing(
      prefix,
      channel,
      AbortSignal.any([ended.signal, this.#closing.signal]),
    );
    this.#watches.add(watching);
    watching.finally(() => this.#watches.delete(watching));
    return channel;
  }

  async lease(ttlSeconds: number, ticket?: string): Promise<Lease> {
    this.#mustBeOpen();
    checkTtl(ttlSeconds);
    const left = ticket === undefined ? undefined : grantTicket(ticket, ttlSeconds);
    if (left !== undefined) {
      // Gone, or of another server: a new one is as good, and says itself what is wrong with the server.
      const resumed = await this.#keep(ttlSeconds, () => this.#resume(left, ttlSeconds)).catch(
        () => undefined,
      );
      if (resumed) return resumed;
    }
    const obtain = () => this.#backend.grant(ttlSeconds);
    const lease = await this.#ask(() => this.#keep(ttlSeconds, obtain), { kind: 'lease' });
    this.#reachability.writesTaken('lease');
    return lease;
  }

  async #resume(ticket: string, ttlSeconds: number): Promise<Grant> {
    const grant = this.#backend.granted(ticket, ttlSeconds);
    try {
      await grant.renew();
      return grant;
    } catch (error) {
      await grant.abandon();
      throw error;
    }
  }

  async #keep(ttlSeconds: number, obtain: () => Promise<Grant>): Promise<Lease> {
    const requestedAt = performance.now();
    const grant = await grantInTime(obtain());
    const lease: RemoteLease = new RemoteLease(grant, ttlSeconds, requestedAt, () =>
      this.#leases.delete(lease),
    );
    this.#leases.add(lease);
    return lease;
  }

  status(): StoreStatus {
    return this.#reachability.status;
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await Promise.all([...this.#watches, ...[...this.#leases].map((lease) => lease.abandon())]);
    await this.#backend.close();
  }

  /** `doubt` is said when the server may have done what it did not answer; `kind` is there when it is to change something. */
  async #ask<T>(
    call: () => Promise<T>,
    { doubt = '', kind }: { readonly doubt?: string; readonly kind?: WriteKind } = {},
  ): Promise<T> {
    this.#mustBeOpen();
    try {
      const answer = await call();
      this.#reachability.up();
      return answer;
    } catch (error) {
      if (error instanceof StoreRefusal && kind) throw this.#reachability.writesRefused(error, kind);
      if (error instanceof FairleadError && !(error instanceof StoreRefusal)) throw error;
      this.#reachability.down(error);
      throw this.#reachability.error(error, neverSent(error) ? '' : doubt);
    }
  }

  async #keepFollowing(prefix: string, channel: Channel<WatchEvent>, signal: AbortSignal): Promise<void> {
    let delay = firstDelay;
    const send = (event: WatchEvent) => {
      delay = firstDelay;
      this.#reachability.up();
      push(channel, event);
    };
    while (!signal.aborted) {
      try {
        await this.#backend.follow(prefix, send, signal);
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof Gap)) this.#reachability.down(error);
        // Jitter, so that the watches of many hosts do not come back all at once; but when another call finds
        // the server there again, the writer is about to look for what it wrote.
        const any = AbortSignal.any([signal, this.#reachability.returned]);
        await pause(delay * (0.5 + Math.random()), undefined, { signal: any }).catch(() => {});
        delay = Math.min(delay * 2, lastDelay);
      }
    }
    channel.close();
  }

  #mustBeOpen(): void {
    if (!this.#closing.signal.aborted) return;
    throw new FairleadError('unavailable', `kv store ${this.#reachability.status.name} is closed`);
  }
}

/** One that comes too late for its caller must not be kept alive. */
async function grantInTime(granting: Promise<Grant>): Promise<Grant> {
  try {
    return await beforeLimit(granting);
  } catch (error) {
    granting.then((grant) => grant.abandon()).catch(() => {});
    throw error;
  }
}

/** Also where several servers, one after another, let it wait; a list may take longer, as long as it comes. */
async function beforeLimit<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), callLimit);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

function push(channel: Channel<WatchEvent>, event: WatchEvent): void {
  channel.push(event);
  if (channel.backlog <= maxBacklog) return;
  channel.drop();
  throw new Gap('the watcher has fallen behind');
}
