import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Grant, LeaseGone } from '../remote/backend.ts';
import type { ZooKeeperClient } from './client.ts';
import type { ZooKeeperCommits } from './commits.ts';
import type { SessionKey } from './connection.ts';
import type { ZooKeeperTree } from './tree.ts';
import { codes, isCode } from './wire.ts';

/** Keys deleted by one commit. */
const chunk = 30;

/**
 * A lease is a ZooKeeper session of its own with one ephemeral node; the keys on it are noted beside. Keys
 * are not ephemeral themselves: those go one by one, unseen by the log of commits, and cannot change to
 * another session. When the node is gone, every process that uses the store sees to it that the keys go.
 */
export class ZooKeeperLeases {
  constructor(
    private readonly client: ZooKeeperClient,
    private readonly tree: ZooKeeperTree,
    private readonly commits: ZooKeeperCommits,
  ) {}

  /** `own`: a client whose session is the lease's. */
  async grant(own: ZooKeeperClient): Promise<Grant> {
    const id = randomUUID();
    const path = this.tree.session(id);
    const data = Buffer.alloc(0);
    for (const folder of this.tree.folders) await this.client.ensure(folder);
    try {
      await own.transact([
        { op: 'create', path, data, ephemeral: true },
        { op: 'create', path: this.tree.lease(id), data },
      ]);
    } catch (error) {
      await own.close();
      throw error;
    }
    return this.granted(id, own);
  }

  /** `own`: a client that takes the lease's session up again. */
  granted(id: string, own: ZooKeeperClient): Grant {
    const path = this.tree.session(id);
    return {
      id,
      ticket: writeTicket(id, own.session),
      renew: () => renew(own, path),
      revoke: async () => {
        await this.client.delete(path).finally(() => own.close());
        await this.#end(id);
      },
      abandon: () => own.close(),
    };
  }

  /** Ends leases whose session is gone, until the signal is aborted. */
  async keepEnding(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const changed = new AbortController();
      try {
        // What is not there yet cannot be watched.
        const watched = await this.client.exists(this.tree.sessions);
        // Leases first: one that is made meanwhile is then not taken for one without a session.
        const leases = await this.client.children(this.tree.leases);
        const sessions = new Set(await this.client.children(this.tree.sessions, () => changed.abort()));
        for (const id of leases) if (!sessions.has(id)) await this.#end(id);
        const any = AbortSignal.any([changed.signal, signal]);
        await pause(watched ? 60_000 : 500, undefined, { signal: any }).catch(() => {});
      } catch {
        await pause(500, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #end(id: string): Promise<void> {
    const keys = await this.tree.heldBy(id);
    for (let at = 0; at < keys.length; at += chunk) {
      await this.commits.deleteHeld(id, keys.slice(at, at + chunk));
    }
    await this.client.delete(this.tree.lease(id)).catch((error) => {
      if (!isCode(error, codes.noNode)) throw error;
    });
  }
}

async function renew(own: ZooKeeperClient, path: string): Promise<void> {
  try {
    if (await own.exists(path)) return;
  } catch (error) {
    if (!isCode(error, codes.sessionExpired)) throw error;
  }
  throw new LeaseGone('the session has ended');
}

function writeTicket(id: string, session: SessionKey): string {
  return `${id} ${session.id} ${session.password.toString('hex')}`;
}

/** @throws Error when it is none */
export function readTicket(ticket: string): { readonly id: string; readonly session: SessionKey } {
  const [id = '', session = '', password = ''] = ticket.split(' ');
  return { id, session: { id: BigInt(session), password: Buffer.from(password, 'hex') } };
}
