import * as z from 'zod';
import { isKind, messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { mapConcurrent } from '../../lib/map-concurrent.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import type { Container } from '../container.ts';
import type { EngineConnection } from './connection.ts';
import { containerOf, inspected } from './inspected.ts';
import type { StoredContainers } from './stored-containers.ts';

const listed = z.array(z.object({ Id: z.string() }));
/** So many are looked at side by side. */
const atOnce = 8;
/** How long one that the Engine holds locked keeps the others waiting, in milliseconds. */
const busyMs = 1_000;

export type ContainerListener = (before: Container | undefined, after: Container | undefined) => void;

/**
 * The Engine's containers as they were when last looked at. A look that is asked for while another is under way
 * begins when that has ended, and any number of such wishes cost one look.
 */
export class ContainerCopies {
  readonly #containers = new Map<string, Container>();
  readonly #looking = new Map<string, Promise<void>>();
  readonly #again = new Map<string, Promise<void>>();
  #unseen: Set<string> = new Set();

  constructor(
    private readonly connection: EngineConnection,
    private readonly kept: StoredContainers,
    private readonly log: Logger,
    private readonly onChange: ContainerListener,
  ) {}

  /** Before any look: what an earlier daemon knew last. */
  async restore(): Promise<void> {
    for (const found of await this.kept.load()) this.#containers.set(found.Id, containerOf(found));
  }

  list(): readonly Container[] {
    return [...this.#containers.values()].sort((a, b) => (a.created < b.created ? -1 : 1));
  }

  get(id: string): Container | undefined {
    return this.#containers.get(id);
  }

  /** After: the copy is no older than this call. Never rejects. */
  refresh(id: string): Promise<void> {
    const running = this.#looking.get(id);
    if (!running) return this.#begin(id);
    const waiting = this.#again.get(id) ?? running.then(() => this.#restart(id));
    this.#again.set(id, waiting);
    return waiting;
  }

  /** Whether every container that was listed last has been looked at. */
  get complete(): boolean {
    return this.#unseen.size === 0;
  }

  /**
   * Looks at all of them. One that the Engine is busy with, which may be waiting for an answer of ours, is not waited
   * for longer than a moment: it comes later. @throws unavailable
   */
  async refreshAll(): Promise<void> {
    const all = await this.connection.ask(listed, (docker) => docker.listContainers({ all: true }));
    const there = new Set(all.map(({ Id }) => Id));
    for (const id of [...this.#containers.keys()].filter((known) => !there.has(known))) this.#forget(id);
    this.#unseen = new Set(there);
    await mapConcurrent(there, atOnce, async (id) => {
      if (!(await withTimeout(this.refresh(id), busyMs)))
        this.log.debug(`container ${id.slice(0, 12)} is busy`);
    });
  }

  #restart(id: string): Promise<void> {
    this.#again.delete(id);
    return this.#begin(id);
  }

  #begin(id: string): Promise<void> {
    const look = this.#look(id).finally(() => {
      if (this.#looking.get(id) === look) this.#looking.delete(id);
    });
    this.#looking.set(id, look);
    return look;
  }

  async #look(id: string): Promise<void> {
    try {
      const found = await this.connection.ask(inspected, (docker) => docker.getContainer(id).inspect());
      const before = this.#containers.get(id);
      const after = containerOf(found);
      this.#containers.set(id, after);
      this.#unseen.delete(id);
      await this.kept.put(found);
      this.onChange(before, after);
    } catch (error) {
      if (isKind(error, 'not-found')) this.#forget(id);
      // The way to the Engine is looked after elsewhere (follower.ts), and then all are looked at again.
      else this.log.debug(`look at container ${id.slice(0, 12)}: ${messageOf(error)}`);
    }
  }

  #forget(id: string): void {
    const before = this.#containers.get(id);
    this.#unseen.delete(id);
    if (!this.#containers.delete(id)) return;
    void this.kept
      .drop(id)
      .catch((error: unknown) =>
        this.log.error(
          { err: error },
          `record of container ${id.slice(0, 12)} is not dropped: ${messageOf(error)}`,
        ),
      );
    this.onChange(before, undefined);
  }
}
