import { setTimeout as pause } from 'node:timers/promises';
import type { ZooKeeperClient } from './client.ts';
import type { ZooKeeperTree } from './tree.ts';

/** How far it has come: one node whose writes count the commits, and below it what each of the latest has changed. */
export interface CommitLog {
  /** The node's version: how many commits there were. */
  readonly version: number;
  /** The transaction that made the node: another one means another history. */
  readonly created: bigint;
}

/** As many commits can be told; a watcher further behind lists its folder again. */
export const historySize = 512;

/** What a commit notes of itself. */
export function commitNote(keys: readonly string[]): Buffer {
  return Buffer.from(keys.join(' '));
}

/**
 * The newest log, read once for all who want it and kept for as long as the server's watch on it is
 * silent. The server tells of a change before it answers with anything that is newer, so while the kept
 * log is there, what has been read is not newer than the log either.
 */
export class LogTail {
  readonly #waiting = new Set<() => void>();
  /** What commits have changed, read once for all watchers of this process. */
  readonly #notes = new Map<string, Promise<readonly string[] | undefined>>();
  #current: Promise<CommitLog | undefined> | undefined;

  constructor(
    private readonly client: ZooKeeperClient,
    private readonly tree: ZooKeeperTree,
  ) {}

  /** undefined: there is no such node, so nothing was ever committed (or all was wiped). */
  current(): Promise<CommitLog | undefined> {
    this.#current ??= this.#read();
    return this.#current;
  }

  forget(): void {
    this.#current = undefined;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves when there is another log than this, or when the signal is aborted. */
  async changeAfter(log: CommitLog, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && isSame(await this.current(), log)) await this.#wake(signal);
  }

  /** The keys that commits between the two changed; undefined when that is not known any more. */
  async changedBetween(old: CommitLog, newest: CommitLog): Promise<ReadonlySet<string> | undefined> {
    const count = newest.version - old.version;
    if (old.created !== newest.created || count < 0 || count > historySize) return undefined;
    const versions = Array.from({ length: count }, (_, i) => old.version + 1 + i);
    const notes = await Promise.all(versions.map((version) => this.#note(newest.created, version)));
    const known = notes.filter((keys) => keys !== undefined);
    return known.length < notes.length ? undefined : new Set(known.flat());
  }

  /** Takes away what nobody needs, after every so many commits; the one who made this commit calls it. */
  async sweepAt(version: number): Promise<void> {
    if (version % historySize !== 0) return;
    const oldest = this.tree.commit(version - historySize);
    for (const name of await this.client.children(this.tree.log)) {
      const path = `${this.tree.log}/${name}`;
      if (path < oldest) await this.client.delete(path);
    }
  }

  #note(created: bigint, version: number): Promise<readonly string[] | undefined> {
    const id = `${created}/${version}`;
    const known = this.#notes.get(id);
    if (known) return known;
    const note = this.client
      .get(this.tree.commit(version))
      .then((node) => node?.data.toString('utf8').split(' '));
    note.catch(() => this.#notes.delete(id));
    this.#notes.set(id, note);
    for (const oldest of this.#notes.keys()) if (this.#notes.size > historySize) this.#notes.delete(oldest);
    return note;
  }

  async #read(): Promise<CommitLog | undefined> {
    let isKept = true;
    const onChange = () => {
      isKept = false;
      this.forget();
    };
    try {
      const node = await this.client.get(this.tree.log, onChange);
      if (!node || !isKept) this.#current = undefined;
      return node && { version: node.stat.version, created: node.stat.created };
    } catch (error) {
      this.#current = undefined;
      // A server that was restored from a backup counts the same numbers again; it refuses us at first.
      this.#notes.clear();
      throw error;
    }
  }

  /** Asked for again after some time all the same, so that a connection that died is noticed. */
  async #wake(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#waiting.add(wake);
    await pause(60_000, undefined, { signal: AbortSignal.any([woken.signal, signal]) }).catch(() => {});
    this.#waiting.delete(wake);
  }
}

function isSame(one: CommitLog | undefined, other: CommitLog): boolean {
  return one?.version === other.version && one.created === other.created;
}
