import { setTimeout as pause } from 'node:timers/promises';
import type { ZooKeeperClient } from './zookeeper-client.ts';

/** The node that every commit writes, with the keys that the latest commits changed. */
export interface CommitLog {
  /** The node's version: how many commits there were. */
  readonly version: number;
  readonly text: string;
}

/** Bytes of the log; a watcher further behind lists its folder again. */
const maxLogSize = 16 * 1024;

/** The log after one more commit: a line for each, newest first, `<version> <key> <key> …`. */
export function appendCommit(log: CommitLog, keys: readonly string[]): Buffer {
  const text = `${log.version + 1} ${keys.join(' ')}\n${log.text}`;
  const kept = text.length <= maxLogSize ? text : text.slice(0, text.lastIndexOf('\n', maxLogSize) + 1);
  return Buffer.from(kept);
}

/** The keys that commits after `version` changed; undefined when the log does not reach back so far. */
export function changedSince(log: CommitLog, version: number): ReadonlySet<string> | undefined {
  const keys = new Set<string>();
  let expected = log.version;
  for (const line of log.text.split('\n')) {
    if (expected === version) return keys;
    const [number, ...changed] = line.split(' ');
    if (Number(number) !== expected) return undefined;
    for (const key of changed) keys.add(key);
    expected -= 1;
  }
  return expected === version ? keys : undefined;
}

/**
 * The newest log, read once for all who want it and kept for as long as the server's watch on it is
 * silent. The server tells of a change before it answers with anything that is newer, so while the kept
 * log is there, what has been read is not newer than the log either.
 */
export class LogTail {
  readonly #client: ZooKeeperClient;
  readonly #path: string;
  readonly #waiting = new Set<() => void>();
  #current: Promise<CommitLog | undefined> | undefined;

  constructor(client: ZooKeeperClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

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

  /** Resolves when there is another log than that of `version`, or when the signal is aborted. */
  async changeAfter(version: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.current())?.version === version) await this.#wake(signal);
  }

  async #read(): Promise<CommitLog | undefined> {
    let isKept = true;
    const onChange = () => {
      isKept = false;
      this.forget();
    };
    try {
      const node = await this.#client.get(this.#path, onChange);
      if (!node || !isKept) this.#current = undefined;
      return node && { version: node.stat.version, text: node.data.toString('utf8') };
    } catch (error) {
      this.#current = undefined;
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
