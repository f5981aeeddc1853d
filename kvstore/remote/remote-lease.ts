import type { Lease } from '../store.ts';
import { type Grant, LeaseGone } from './backend.ts';

/** Renewals per TTL: two may fail before the third is late. */
const renewalsPerTtl = 3;
/** After this part of the TTL without a renewal the lease is in doubt. */
const doubtAfter = 5 / 6;
/** Milliseconds between tries while renewals fail. */
const retryDelay = 500;

/**
 * Keeps a grant alive and holds its own deadline: one TTL after the last renewal that the server has
 * confirmed was *sent*, since the server counts from when it arrived. So the process knows of the loss
 * before the server gives its keys away. Timers and `performance.now` run on the monotonic clock.
 */
export class RemoteLease implements Lease {
  readonly id: string;
  readonly ttlSeconds: number;
  readonly ticket: string;
  readonly lost: AbortSignal;
  readonly #grant: Grant;
  readonly #loss = new AbortController();
  readonly #onEnd: () => void;
  readonly #doubts = new Set<() => void>();
  #deadline: NodeJS.Timeout | undefined;
  #doubt: NodeJS.Timeout | undefined;
  #next: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(grant: Grant, ttlSeconds: number, requestedAt: number, onEnd: () => void) {
    this.id = grant.id;
    this.ttlSeconds = ttlSeconds;
    this.ticket = `${ttlSeconds} ${grant.ticket}`;
    this.lost = this.#loss.signal;
    this.#grant = grant;
    this.#onEnd = onEnd;
    this.#confirmed(requestedAt);
  }

  onDoubt(listener: () => void): void {
    this.#doubts.add(listener);
  }

  async revoke(): Promise<void> {
    if (this.#ended) return;
    this.#end();
    // When the server is away the TTL ends it.
    await this.#grant.revoke().catch(() => {});
  }

  /** For `close` of the store: no more renewals, and the server's TTL runs. */
  async abandon(): Promise<void> {
    if (this.#ended) return;
    this.#end();
    await this.#grant.abandon().catch(() => {});
  }

  #confirmed(sentAt: number): void {
    const ttl = this.ttlSeconds * 1000;
    this.#clearTimers();
    const left = (part: number) => Math.max(0, sentAt + part * ttl - performance.now());
    this.#deadline = setTimeout(() => this.#lose(), left(1));
    this.#doubt = setTimeout(() => this.#tellDoubt(), left(doubtAfter));
    this.#renewIn(ttl / renewalsPerTtl);
  }

  #renewIn(milliseconds: number): void {
    this.#next = setTimeout(() => this.#renew(), milliseconds);
  }

  async #renew(): Promise<void> {
    const sentAt = performance.now();
    try {
      await this.#grant.renew();
      if (!this.#ended) this.#confirmed(sentAt);
    } catch (error) {
      if (this.#ended) return;
      if (error instanceof LeaseGone) this.#lose();
      else this.#renewIn(retryDelay);
    }
  }

  #tellDoubt(): void {
    for (const listener of this.#doubts) listener();
  }

  #clearTimers(): void {
    for (const timer of [this.#deadline, this.#doubt, this.#next]) clearTimeout(timer);
  }

  #lose(): void {
    this.#end();
    this.#grant.abandon().catch(() => {});
    this.#loss.abort();
  }

  #end(): void {
    this.#ended = true;
    this.#clearTimers();
    this.#onEnd();
  }
}

/** The grant's part of a lease's ticket, if the lease has this TTL. */
export function grantTicket(ticket: string, ttlSeconds: number): string | undefined {
  const prefix = `${ttlSeconds} `;
  return ticket.startsWith(prefix) ? ticket.slice(prefix.length) : undefined;
}
