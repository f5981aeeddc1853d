import { type Clock, systemClock, type Timer } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Directory } from '../directory.ts';
import { WatchedFolder } from '../folders/watched-folder.ts';
import { folders, keys } from '../keys.ts';
import { type GoneNode, goneSchema, type NodeRecord } from '../records.ts';

const dayMs = 24 * 60 * 60 * 1000;
const sweepEveryMs = 60 * 60 * 1000;

export interface LostNodesDeps {
  readonly directory: Pick<Directory, 'stores' | 'nodes' | 'subscribe' | 'commit'>;
  /** This node's own. */
  readonly nodeId: string;
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * Nodes whose lease ended without a goodbye, for a day. Whoever misses one writes it down, and the first one's word
 * counts; the node itself takes it back when it comes again. Without a KV store there is nobody to lose.
 */
export class LostNodes {
  readonly #living = new Map<string, NodeRecord>();
  /** What this node has missed itself: it is told at once, also where it cannot be written now. */
  readonly #missed = new Map<string, GoneNode>();
  readonly #records: WatchedFolder<GoneNode> | undefined;
  readonly #listeners = new Set<(nodeIds: ReadonlySet<string>) => void>();
  readonly #clock: Clock;
  readonly #unsubscribe: () => void;
  readonly #timer: Timer;

  constructor(private readonly deps: LostNodesDeps) {
    const { directory, log, clock = systemClock } = deps;
    const { local, global } = directory.stores;
    this.#clock = clock;
    if (global !== local)
      this.#records = new WatchedFolder({
        ...{ store: global, prefix: folders.gone, schema: goneSchema, log, clock },
        onChange: (changed) => this.#recordsChanged(changed),
      });
    for (const node of directory.nodes()) this.#living.set(node.id, node);
    this.#unsubscribe = directory.subscribe((_, nodeIds) => this.#nodesChanged(nodeIds));
    this.#timer = clock.every(sweepEveryMs, () => this.#sweep());
  }

  /** Those that are not back. What the store has is what every node tells. */
  list(): readonly GoneNode[] {
    const all = new Map(this.#missed);
    for (const record of this.#records?.records() ?? []) all.set(record.id, record);
    return [...all.values()].filter((node) => !this.#living.has(node.id) && !this.#isOld(node));
  }

  /** Told which nodes may have been lost, or forgotten. */
  subscribe(listener: (nodeIds: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#timer.cancel();
    await this.#records?.stop();
  }

  #nodesChanged(nodeIds: ReadonlySet<string>): void {
    if (nodeIds.size === 0) return;
    const now = new Map(this.deps.directory.nodes().map((node) => [node.id, node]));
    for (const id of nodeIds) {
      const node = now.get(id);
      if (node) this.#seen(node);
      else this.#missing(id);
    }
    this.#notify(nodeIds);
  }

  #seen(node: NodeRecord): void {
    this.#living.set(node.id, node);
    this.#missed.delete(node.id);
    if (node.id === this.deps.nodeId) this.#takeBack();
  }

  #missing(id: string): void {
    const node = this.#living.get(id);
    this.#living.delete(id);
    if (!node || node.leaving || !this.#records) return;
    const { name, advertise, version, started } = node;
    const about = { id, name, ...(advertise === undefined ? {} : { advertise }), version, started };
    const gone = { ...about, lastSeen: this.#clock.now() };
    this.#missed.set(id, gone);
    const key = keys.gone(id);
    this.#write(
      this.deps.directory.commit(
        'global',
        [{ key, expect: 'absent' }],
        [{ op: 'put', key, value: JSON.stringify(gone) }],
      ),
    );
  }

  #recordsChanged(changed: readonly GoneNode[]): void {
    const ids = new Set(changed.map(({ id }) => id));
    if (ids.has(this.deps.nodeId)) this.#takeBack();
    this.#notify(ids);
  }

  /** This node lives. */
  #takeBack(): void {
    const { nodeId } = this.deps;
    if (this.#living.has(nodeId)) this.#forget(nodeId);
  }

  #sweep(): void {
    for (const [id, node] of this.#missed) if (this.#isOld(node)) this.#missed.delete(id);
    const old = [...(this.#records?.records() ?? [])].filter((node) => this.#isOld(node));
    for (const { id } of old) this.#forget(id);
  }

  #forget(id: string): void {
    const key = keys.gone(id);
    if (!this.#records?.get(key)) return;
    this.#write(this.deps.directory.commit('global', [], [{ op: 'delete', key }]));
  }

  /** Nothing but what people are shown hangs on it. */
  #write(commit: Promise<unknown>): void {
    commit.catch((error: unknown) => this.deps.log.debug(`a lost node is not written: ${messageOf(error)}`));
  }

  #isOld({ lastSeen }: GoneNode): boolean {
    return this.#clock.now() - lastSeen > dayMs;
  }

  #notify(nodeIds: ReadonlySet<string>): void {
    for (const listener of this.#listeners) listener(nodeIds);
  }
}
