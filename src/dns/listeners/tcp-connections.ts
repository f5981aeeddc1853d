import { type Claimant, type Limit, type ShareLimits, Shares } from '../askers/shares.ts';
import type { Counters } from '../metrics.ts';

export interface OpenConnection {
  readonly claimant: Claimant;
  /** Nothing of it is being answered. */
  readonly isIdle: boolean;
  close(): void;
}

/**
 * The TCP connections of all listeners. Whoever has as many as it may gets another by losing its oldest idle one (RFC
 * 7766 section 6.2.3 lets a server close those): who holds connections open keeps nobody else from having one.
 */
export class TcpConnections {
  /** The oldest first. */
  readonly #open = new Set<OpenConnection>();
  readonly #shares: Shares;

  constructor(
    limits: ShareLimits,
    private readonly counters: Counters,
  ) {
    this.#shares = new Shares(limits);
  }

  get count(): number {
    return this.#open.size;
  }

  /** @returns whether there is room for it; if so, `remove` follows */
  add(connection: OpenConnection): boolean {
    const limit = this.#shares.take(connection.claimant);
    if (limit !== undefined && !this.#makeRoom(limit, connection.claimant)) return false;
    this.#open.add(connection);
    return true;
  }

  remove(connection: OpenConnection): void {
    if (this.#open.delete(connection)) this.#shares.giveBack(connection.claimant);
  }

  /** After, if true: one has been closed, and its place taken. */
  #makeRoom(limit: Limit, claimant: Claimant): boolean {
    this.counters.connectionOverflows[limit]++;
    const closed = this.#closable(limit, claimant);
    if (!closed) return false;
    this.remove(closed);
    closed.close();
    return this.#shares.take(claimant) === undefined;
  }

  /** The oldest idle one of whoever has most, this asker itself or one that has more. */
  #closable(limit: Limit, claimant: Claimant): OpenConnection | undefined {
    let found: OpenConnection | undefined;
    let most = this.#shares.takenBy(claimant);
    for (const connection of this.#open) {
      if (!connection.isIdle || !isWithin(limit, connection.claimant, claimant)) continue;
      const count = this.#shares.takenBy(connection.claimant);
      const isOwn = isSame(connection.claimant, claimant);
      if (count > most || (!found && isOwn)) [found, most] = [connection, count];
    }
    return found;
  }
}

/** Whether to close the one makes room for the other. */
function isWithin(limit: Limit, one: Claimant, other: Claimant): boolean {
  if (limit === 'total') return true;
  return limit === 'network' ? one.network === other.network : isSame(one, other);
}

function isSame(one: Claimant, other: Claimant): boolean {
  return one.asker === other.asker && (one.asker !== undefined || one.network === other.network);
}
