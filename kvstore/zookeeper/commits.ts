import { setTimeout as pause } from 'node:timers/promises';
import { FairleadError } from '../../src/lib/errors.ts';
import { SerialQueue } from '../../src/lib/serial-queue.ts';
import { callLimit } from '../remote/backend.ts';
import { versionsOfCommit } from '../remote/changes.ts';
import { type Check, type CommitResult, type Entry, holds, type Write } from '../store.ts';
import { type Step, StepFailed, type ZooKeeperClient } from './client.ts';
import { type CommitLog, commitNote, type LogTail } from './log.ts';
import { rowData, type ZooKeeperTree } from './tree.ts';
import { codes } from './wire.ts';

type Entries = ReadonlyMap<string, Entry | undefined>;
/** From what is there, what is to be written; or the key of a check that does not hold. */
type Decide = (entries: Entries) => { readonly writes: readonly Write[] } | { readonly failed: string };

/**
 * ZooKeeper's own check compares a node's count of writes, which begins anew when the node is made anew,
 * so it cannot tell a key from its successor. Here every commit also writes the log, on the condition that
 * nobody has since its reading: commits have one order, and what was read still holds when one is done.
 */
export class ZooKeeperCommits {
  /** This process's commits do not get in each other's way. */
  readonly #queue = new SerialQueue();
  /** Folders that were there when last seen. */
  readonly #folders = new Set<string>();

  constructor(
    private readonly client: ZooKeeperClient,
    private readonly tree: ZooKeeperTree,
    private readonly tail: LogTail,
  ) {}

  commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    const keys = [...new Set([...checks, ...writes].map(({ key }) => key))];
    return this.#run(keys, (entries) => {
      const failed = checks.find((check) => !holds(check, entries.get(check.key)?.version));
      return failed ? { failed: failed.key } : { writes };
    });
  }

  /** Deletes those of the keys that are still on the lease. */
  async deleteHeld(lease: string, keys: readonly string[]): Promise<void> {
    await this.#run(keys, (entries) => ({
      writes: keys.filter((key) => entries.get(key)?.lease === lease).map((key) => ({ op: 'delete', key })),
    }));
  }

  /** For a store that nobody has used yet. */
  async makeFolders(): Promise<CommitLog> {
    for (const folder of this.tree.folders) await this.client.ensure(folder);
    const log = await this.tail.current();
    if (!log) throw new Error('the store is being wiped');
    return log;
  }

  #run(keys: readonly string[], decide: Decide): Promise<CommitResult> {
    const deadline = performance.now() + callLimit;
    return this.#queue.run('', async () => {
      for (let attempt = 0; ; attempt++) {
        const result = await this.#try(keys, decide, deadline);
        if (result) return result;
        this.tail.forget();
        await pause(Math.random() * Math.min(attempt, 20));
      }
    });
  }

  /**
   * undefined: others were faster, or a folder was missing; to be tried again. Nothing is sent after the
   * deadline, when the caller has been told that there was no answer.
   */
  async #try(keys: readonly string[], decide: Decide, deadline: number): Promise<CommitResult | undefined> {
    const log = (await this.tail.current()) ?? (await this.makeFolders());
    // The server may be behind the others; answers come in the order of the requests, so the entries are
    // as new as the call, and what does not hold did not hold.
    const [, entries] = await Promise.all([this.client.sync('/'), this.#read(keys)]);
    const decision = decide(entries);
    if ('failed' in decision) return { ok: false, failed: decision.failed };
    const writes = decision.writes.filter((write) => write.op === 'put' || entries.get(write.key));
    await this.#ensureFolders(writes, entries);
    const steps = this.#steps(log, writes, entries);
    if (performance.now() > deadline) throw new Error('no answer in time');
    try {
      const version = await this.client.transact(steps);
      this.#sweep(writes);
      this.tail.sweepAt(log.version + 1).catch(() => {});
      return { ok: true, versions: versionsOfCommit(writes, String(version)) };
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      this.#explain(error, steps);
      return undefined;
    }
  }

  async #read(keys: readonly string[]): Promise<Entries> {
    return new Map(await Promise.all(keys.map(async (key) => [key, await this.tree.entry(key)] as const)));
  }

  async #ensureFolders(writes: readonly Write[], entries: Entries): Promise<void> {
    for (const { key, op } of writes) {
      const folder = folderOf(this.tree.data(key));
      if (op === 'delete' || entries.get(key) || this.#folders.has(folder)) continue;
      await this.client.ensure(folder);
      this.#folders.add(folder);
    }
  }

  /** The log first, so that a conflict is told from all else. */
  #steps(log: CommitLog, writes: readonly Write[], entries: Entries): Step[] {
    const version = log.version + 1;
    const note = commitNote(writes.map(({ key }) => key));
    const leases = new Set(
      writes.flatMap((write) => (write.op === 'put' && write.lease ? [write.lease.id] : [])),
    );
    return [
      { op: 'set', path: this.tree.log, data: Buffer.alloc(0), version: log.version },
      { op: 'create', path: this.tree.commit(version), data: note },
      ...[...leases].map((id): Step => ({ op: 'exists', path: this.tree.session(id) })),
      ...writes.flatMap((write) => this.#write(write, entries.get(write.key))),
    ];
  }

  #write(write: Write, entry: Entry | undefined): Step[] {
    const path = this.tree.data(write.key);
    const lease = write.op === 'put' ? write.lease?.id : undefined;
    const steps: Step[] = [];
    if (entry?.lease !== lease) {
      if (entry?.lease) steps.push({ op: 'delete', path: this.tree.held(entry.lease, write.key) });
      if (lease) steps.push({ op: 'create', path: this.tree.held(lease, write.key), data: Buffer.alloc(0) });
    }
    if (write.op === 'delete') return [...steps, { op: 'delete', path }];
    const data = rowData(write.value, lease);
    return [...steps, entry ? { op: 'set', path, data, version: -1 } : { op: 'create', path, data }];
  }

  /** Returns when the commit may be tried again. */
  #explain(failure: StepFailed, steps: readonly Step[]): void {
    const step = steps[failure.index];
    if (step?.op === 'exists') throw new FairleadError('unavailable', 'the lease has ended');
    if (failure.code === codes.badVersion) return;
    // Somebody has removed a folder, or all.
    if (failure.code !== codes.noNode && failure.code !== codes.nodeExists) throw failure;
    this.#folders.clear();
  }

  /** Removes folders that have become empty, below the first level; one that has not stays. */
  #sweep(writes: readonly Write[]): void {
    for (const { key, op } of writes) {
      const folder = folderOf(key);
      if (op === 'put' || !folder.includes('/')) continue;
      this.#folders.delete(this.tree.data(folder));
      this.client.delete(this.tree.data(folder)).catch(() => {});
    }
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
