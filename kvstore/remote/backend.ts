import type { Check, CommitResult, Entry, WatchEvent, Write } from '../store.ts';

/**
 * What is particular to one kind of server. RemoteStore adds to it what the contract asks of all: limits,
 * lease deadlines, watches that begin anew after a gap, status. Every method rejects when a
 * server does not answer within `callTimeout`; a StoreRefusal is the server's no, any other FairleadError is the caller's
 * fault or an answer and goes through as it is, every other error means that the server could not be used.
 */
export interface Backend {
  get(key: string): Promise<Entry | undefined>;
  /** Sorted by key. */
  list(prefix: string): Promise<readonly Entry[]>;
  commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult>;
  /**
   * Sends a snapshot, then changes, until the signal is aborted (returns) or anything may have been
   * missed (rejects).
   */
  follow(prefix: string, send: (event: WatchEvent) => void, signal: AbortSignal): Promise<void>;
  grant(ttlSeconds: number): Promise<Grant>;
  /** What another process was granted, by its ticket; a renewal tells whether it still is. @throws when it is none */
  granted(ticket: string, ttlSeconds: number): Grant;
  close(): Promise<void>;
}

/** A lease on the server. */
export interface Grant {
  readonly id: string;
  /** For `granted`. */
  readonly ticket: string;
  /** Resolves when the server has confirmed it; rejects with LeaseGone when the server has ended it. */
  renew(): Promise<void>;
  revoke(): Promise<void>;
  /** Stops using it, and leaves it to its TTL. */
  abandon(): Promise<void>;
}

export class LeaseGone extends Error {
  override readonly name = 'LeaseGone';
}

/** The watch must begin anew, though the server is well: it fell behind, or the server forgot the past. */
export class Gap extends Error {
  override readonly name = 'Gap';
}

/**
 * The request never left this host or reached no server, so asking another one does nothing twice, and
 * nothing was changed. Of any other failure of a commit that cannot be said.
 */
export function neverSent(error: unknown): boolean {
  return /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|No connection established|No cluster leader|too many requests/.test(
    String(error),
  );
}

/** Milliseconds that a server may let wait for an answer, or for more of a long one. */
export const callTimeout = 4000;
/** Milliseconds after which the caller of anything but a list is told that there was no answer. */
export const callLimit = 5000;
