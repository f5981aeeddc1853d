import * as z from 'zod';
import { maxValueSize, type Store } from '../../../kvstore/store.ts';
import { folders, keys } from '../../cluster/keys.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import type { Logger } from '../../lib/log.ts';
import { foldCase, parseContainerName } from '../../lib/names.ts';
import { SerialQueue } from '../../lib/serial-queue.ts';
import { never } from '../../lib/time.ts';
import {
  type Container,
  type ContainerChange,
  type ContainerSpec,
  type ContainerState,
  containerSchema,
} from '../container.ts';
import { creationTime } from './creation-time.ts';
import { makeUpName } from './names.ts';

/** Where records are kept a second time, for the day when the store has lost them. */
export interface RecordKeeper {
  save(container: Container): Promise<void>;
  forget(id: string): void;
}

export interface ContainerTableOptions {
  readonly clock?: Clock;
  readonly keeper?: RecordKeeper;
}

/**
 * The records of the runtimes that keep their own: in memory for reading, in the store for the next
 * daemon. Memory follows the store: a change is seen once it is committed.
 */
export class ContainerTable {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #keeper: RecordKeeper | undefined;
  /** Whose record in the store does not decode: they are left alone. */
  readonly #unread = new Set<string>();
  readonly #containers = new Map<string, Container>();
  /** Folded name → id. A name is taken here before its record is committed, so two creates cannot share it. */
  readonly #names = new Map<string, string>();
  readonly #queue = new SerialQueue();

  constructor(store: Store, log: Logger, { clock = systemClock, keeper }: ContainerTableOptions = {}) {
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
    this.#keeper = keeper;
  }

  async load(): Promise<void> {
    const entries = await this.#store.list(folders.containers);
    const containers = entries.flatMap(({ key, value }) => this.#decode(key, value));
    containers.sort((a, b) => (a.created < b.created ? -1 : 1));
    for (const container of containers) {
      this.#containers.set(container.id, container);
      this.#names.set(foldCase(container.name), container.id);
    }
  }

  /** Whether the store has a record of it, if only one that cannot be read. */
  isKnown(id: string): boolean {
    return this.#containers.has(id) || this.#unread.has(keys.container(id));
  }

  list(): readonly Container[] {
    return [...this.#containers.values()];
  }

  get(id: string): Container | undefined {
    return this.#containers.get(id);
  }

  /** @throws not-found */
  require(id: string): Container {
    const container = this.#containers.get(id);
    if (!container) throw new FairleadError('not-found', `No such container: ${id}`);
    return container;
  }

  /** @throws not-found | conflict when it does not run */
  requireRunning(id: string): Container {
    const container = this.require(id);
    if (container.state.status !== 'running') {
      throw new FairleadError('conflict', `container ${id} is not running`);
    }
    return container;
  }

  /** @throws invalid | conflict, for the name */
  async create(spec: ContainerSpec): Promise<Container> {
    const id = newId();
    const name =
      spec.name === ''
        ? makeUpName((made) => this.#names.has(foldCase(made)))
        : parseContainerName(spec.name);
    this.#takeName(name, id);
    const state = {
      status: 'created',
      pid: 0,
      exitCode: 0,
      startedAt: never,
      finishedAt: never,
      error: '',
    } as const;
    const { attachments } = spec;
    const container: Container = {
      id,
      name,
      created: creationTime(this.#clock.now()),
      spec: { ...spec, name },
      state,
      attachments,
    };
    try {
      await this.#put(container);
    } catch (error) {
      this.#names.delete(foldCase(name));
      throw error;
    }
    return container;
  }

  /** @throws not-found | invalid | conflict, for the name */
  update(id: string, change: ContainerChange): Promise<Container> {
    return this.#queue.run(id, async () => {
      const old = this.require(id);
      const name = change.name === undefined ? old.name : parseContainerName(change.name);
      this.#takeName(name, id);
      const renamed = changed(old, { ...change, name });
      try {
        await this.#put(renamed);
      } catch (error) {
        this.#freeName(name, old.name);
        throw error;
      }
      this.#freeName(old.name, name);
      return renamed;
    });
  }

  /** @throws not-found */
  setState(id: string, change: Partial<ContainerState>): Promise<Container> {
    return this.#queue.run(id, async () => {
      const old = this.require(id);
      const changed = { ...old, state: { ...old.state, ...change } };
      await this.#put(changed);
      return changed;
    });
  }

  /**
   * The container has ended: a fact, so memory has it even when the store cannot keep it.
   * Resolves with false when it was not running, so that an end counts once.
   */
  setExited(
    id: string,
    end: Pick<ContainerState, 'exitCode' | 'finishedAt'> & Partial<ContainerState>,
  ): Promise<boolean> {
    return this.#queue.run(id, async () => {
      const old = this.#containers.get(id);
      if (old?.state.status !== 'running') return false;
      const state: ContainerState = { ...old.state, ...end, status: 'exited', pid: 0 };
      const exited = { ...old, state };
      try {
        await this.#put(exited);
      } catch (error) {
        this.#log.error(
          { container: id, err: error },
          `the end of container ${old.name} is not kept: ${messageOf(error)}`,
        );
        this.#containers.set(id, exited);
      }
      return true;
    });
  }

  /** Repeatable. */
  delete(id: string): Promise<void> {
    return this.#queue.run(id, async () => {
      const container = this.#containers.get(id);
      if (!container) return;
      this.#keeper?.forget(id);
      await this.#store.commit([], [{ op: 'delete', key: keys.container(id) }]);
      this.#containers.delete(id);
      this.#names.delete(foldCase(container.name));
    });
  }

  async #put(container: Container): Promise<void> {
    const value = JSON.stringify(container);
    const size = Buffer.byteLength(value);
    if (size > maxValueSize) {
      const limit = `at most ${maxValueSize} can be kept`;
      throw new FairleadError(
        'invalid',
        `container ${container.name}: its settings take ${size} bytes, ${limit}`,
      );
    }
    await this.#store.commit([], [{ op: 'put', key: keys.container(container.id), value }]);
    this.#containers.set(container.id, container);
    await this.#keeper?.save(container);
  }

  #takeName(name: string, id: string): void {
    const holder = this.#names.get(foldCase(name));
    if (holder !== undefined && holder !== id) {
      throw new FairleadError(
        'conflict',
        `Conflict. The container name "/${name}" is already in use by container "${holder}". ` +
          'You have to remove (or rename) that container to be able to reuse that name.',
      );
    }
    this.#names.set(foldCase(name), id);
  }

  /** Gives `name` up unless it is the same, but for case, as the one that stays. */
  #freeName(name: string, kept: string): void {
    if (foldCase(name) !== foldCase(kept)) this.#names.delete(foldCase(name));
  }

  #decode(key: string, value: string): Container[] {
    try {
      return [containerSchema.parse(JSON.parse(value))];
    } catch (error) {
      this.#unread.add(key);
      this.#log.error(
        { key, err: error },
        `record ${key} is left alone, it cannot be read: ${messageOf(error)}`,
      );
      return [];
    }
  }
}

function changed(old: Container, change: ContainerChange & { readonly name: string }): Container {
  const { restart, failure, limits = {}, health: newHealth, ...members } = change;
  const extras = withLimits(old.spec.extras, limits);
  const { restart: before, ...spec } = { ...old.spec, name: change.name, extras };
  const { health: oldHealth = 'none', healthy: _, ...rest } = old;
  const policy = restart ?? before ?? 'none';
  const health = newHealth ?? oldHealth;
  return {
    ...rest,
    ...(health === 'none' ? {} : { health, healthy: health === 'healthy' }),
    ...members,
    spec: policy === 'none' ? spec : { ...spec, restart: policy },
    state: { ...old.state, ...failure },
  };
}

function withLimits(extras: Container['spec']['extras'], limits: Readonly<Record<string, unknown>>) {
  if (Object.keys(limits).length === 0) return extras;
  const { HostConfig } = hostConfig.parse(extras);
  return { ...extras, HostConfig: { ...HostConfig, ...limits } };
}

const hostConfig = z.object({ HostConfig: z.record(z.string(), z.unknown()).catch({}) });

/** @throws conflict while the container runs */
export function refuseRemovalWhileRunning(container: Container): void {
  if (container.state.status !== 'running') return;
  throw new FairleadError(
    'conflict',
    `You cannot remove a running container ${container.id}. Stop the container before attempting removal or force remove`,
  );
}
