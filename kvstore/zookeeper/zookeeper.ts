import type { Backend, Grant } from '../remote/backend.ts';
import { callTimeout, Gap } from '../remote/backend.ts';
import { changesBetween, versionsIn } from '../remote/changes.ts';
import type { StoreOptions } from '../remote/options.ts';
import type { StoreSpec } from '../remote/spec.ts';
import type { Check, CommitResult, Entry, WatchEvent, Write } from '../store.ts';
import { ZooKeeperClient } from './client.ts';
import { ZooKeeperCommits } from './commits.ts';
import { newSession, type SessionKey } from './connection.ts';
import { readTicket, ZooKeeperLeases } from './leases.ts';
import { type CommitLog, LogTail } from './log.ts';
import { ZooKeeperTree } from './tree.ts';

/** Milliseconds; the session of reads and watches holds nothing, it only tells that the server is there. */
const sessionTimeout = 3 * callTimeout;

/** What lay below a folder at the moment of one commit. */
interface State {
  readonly entries: Map<string, Entry>;
  readonly log: CommitLog;
}

const emptyLog: CommitLog = { version: -1, created: 0n };

/**
 * ZooKeeper from 3.4 on, with a client of our own: the ones there are on npm know no TLS, or need a
 * compiler. A version is the id of the transaction that wrote the key last (mzxid).
 */
export class ZooKeeperBackend implements Backend {
  readonly #client: ZooKeeperClient;
  readonly #tree: ZooKeeperTree;
  readonly #tail: LogTail;
  readonly #commits: ZooKeeperCommits;
  readonly #leases: ZooKeeperLeases;
  readonly #makeLeaseClient: (ttlSeconds: number, session?: SessionKey) => ZooKeeperClient;
  readonly #closing = new AbortController();
  #ending: Promise<void> | undefined;

  constructor({ servers, prefix }: StoreSpec, options: StoreOptions) {
    this.#client = new ZooKeeperClient(servers, options, sessionTimeout);
    this.#tree = new ZooKeeperTree(this.#client, prefix);
    this.#tail = new LogTail(this.#client, this.#tree);
    this.#commits = new ZooKeeperCommits(this.#client, this.#tree, this.#tail);
    this.#leases = new ZooKeeperLeases(this.#client, this.#tree, this.#commits);
    this.#makeLeaseClient = (ttl, session = newSession) =>
      new ZooKeeperClient(servers, options, ttl * 1000, session);
  }

  async get(key: string): Promise<Entry | undefined> {
    // Asked for at once: answers come in the order of the requests.
    const [, entry] = await Promise.all([this.#begin(), this.#tree.entry(key)]);
    return entry;
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    await this.#begin();
    return sorted((await this.#read(prefix)).entries);
  }

  async commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    if (checks.length + writes.length === 0) return { ok: true, versions: new Map() };
    this.#ending ??= this.#leases.keepEnding(this.#closing.signal);
    return this.#commits.commit(checks, writes);
  }

  async follow(prefix: string, send: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
    await this.#begin();
    if (!(await this.#tail.current())) await this.#commits.makeFolders();
    let state = await this.#read(prefix);
    send({ type: 'snapshot', entries: sorted(state.entries) });
    for (;;) {
      await this.#tail.changeAfter(state.log, signal);
      if (signal.aborted) return;
      const next = await this.#advance(prefix, { entries: new Map(state.entries), log: state.log });
      if (!next) throw new Gap('more commits than the log holds');
      const changes = changesBetween(versionsIn(state.entries.values()), [...next.entries.values()]);
      state = next;
      if (changes.length > 0) send({ type: 'changes', changes });
    }
  }

  async grant(ttlSeconds: number): Promise<Grant> {
    await this.#begin();
    return this.#leases.grant(this.#makeLeaseClient(ttlSeconds));
  }

  granted(ticket: string, ttlSeconds: number): Grant {
    const { id, session } = readTicket(ticket);
    return this.#leases.granted(id, this.#makeLeaseClient(ttlSeconds, session));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client.close();
    await this.#ending;
  }

  /** So that what is read next is not older than what was committed before the call. */
  async #begin(): Promise<void> {
    this.#ending ??= this.#leases.keepEnding(this.#closing.signal);
    await this.#client.sync('/');
  }

  /** One moment: what was committed during the reading is read again, until nothing was. */
  async #read(prefix: string): Promise<State> {
    for (;;) {
      const log = (await this.#tail.current()) ?? emptyLog;
      const entries = new Map<string, Entry>();
      await this.#tree.walk(prefix, entries);
      const state = await this.#advance(prefix, { entries, log });
      if (state) return state;
    }
  }

  /** Reads again what the log says has changed. undefined: it does not reach back to the state's, or is another. */
  async #advance(prefix: string, { entries, log }: State): Promise<State | undefined> {
    let known = log;
    for (;;) {
      const newest = (await this.#tail.current()) ?? emptyLog;
      const changed = await this.#tail.changedBetween(known, newest);
      if (!changed) return undefined;
      if (newest.version === known.version) return { entries, log: newest };
      const keys = [...changed].filter((key) => key.startsWith(prefix));
      const read = await Promise.all(keys.map(async (key) => [key, await this.#tree.entry(key)] as const));
      for (const [key, entry] of read) entry ? entries.set(key, entry) : entries.delete(key);
      known = newest;
    }
  }
}

function sorted(entries: ReadonlyMap<string, Entry>): Entry[] {
  return [...entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}
