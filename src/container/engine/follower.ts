import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import type { Container } from '../container.ts';
import type { EngineChange, EngineStatus } from '../host-engine.ts';
import { type EngineConnection, startMs } from './connection.ts';
import { ContainerCopies } from './copies.ts';
import { type EngineEvent, EngineEvents } from './events.ts';
import type { StoredContainers } from './stored-containers.ts';

/** Pauses between tries to reach the Engine, in milliseconds. */
const pauses = [100, 250, 500, 1000, 2000];
/** Streams have been seen to die without a word: every so often everything is looked at, in milliseconds. */
const relistMs = 60_000;

/** An Engine that hangs holds up a start, or an end, no longer than this, in milliseconds. */
const hangMs = 5_000;

/** After these a container is not what it was. */
const telling = new Set([
  'create',
  'start',
  'restart',
  'die',
  'stop',
  'destroy',
  'rename',
  'update',
  'pause',
  'unpause',
]);

/**
 * Keeps what is known of the Engine's containers true: by its events, by a look at all of them whenever the
 * stream is opened anew, and by another one every minute.
 */
export class EngineFollower {
  readonly copies: ContainerCopies;
  readonly #events: EngineEvents;
  readonly #listeners = new Set<(change: EngineChange) => void>();
  readonly #ended = new AbortController();
  #status: Pick<EngineStatus, 'reachable' | 'since' | 'reason'>;
  #stream = new AbortController();
  #following: Promise<void> = Promise.resolve();
  #relisting: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: EngineConnection,
    kept: StoredContainers,
    private readonly log: Logger,
  ) {
    this.copies = new ContainerCopies(connection, kept, log, (before, after) =>
      this.#tellContainer(before, after),
    );
    this.#events = new EngineEvents(connection);
    this.#status = { reachable: false, since: Date.now(), reason: 'it has not answered yet' };
  }

  status(): EngineStatus {
    const { version, apiVersion } = this.connection.negotiated ?? {};
    return {
      ...this.#status,
      complete: this.#status.reachable && this.copies.complete,
      address: this.connection.address,
      ...(version && apiVersion ? { version, apiVersion } : {}),
    };
  }

  onChange(listener: (change: EngineChange) => void): void {
    this.#listeners.add(listener);
  }

  /**
   * After: all containers are known, and followed from here on. With the Engine away they are those that were known
   * last: as after a boot, when it waits for its plugin, which we are.
   */
  async start(): Promise<void> {
    await this.copies.restore();
    const reached = this.#reach(startMs).catch((error: unknown) => {
      this.#lose(messageOf(error), error);
      return undefined;
    });
    this.#following = reached.then((events) => this.#follow(events));
    await withTimeout(reached, hangMs);
    this.#relisting = setInterval(() => void this.#relist(), relistMs).unref();
  }

  async close(): Promise<void> {
    this.#ended.abort();
    this.#stream.abort();
    clearInterval(this.#relisting);
    await withTimeout(this.#following, hangMs);
  }

  /** First the stream, then the look at all: what happens in between is not lost. */
  async #reach(patienceMs?: number): Promise<AsyncIterable<EngineEvent>> {
    await this.connection.negotiate(patienceMs);
    this.#stream = new AbortController();
    const events = await this.#events.open(this.#stream.signal);
    await this.copies.refreshAll();
    this.#status = { reachable: true, since: Date.now() };
    this.#tell({ kind: 'reached' });
    return events;
  }

  async #follow(events: AsyncIterable<EngineEvent> | undefined): Promise<void> {
    let current = events ?? (await this.#reachAgain());
    while (current) {
      const reason = await this.#read(current);
      if (this.#ended.signal.aborted) return;
      this.#lose(reason);
      current = await this.#reachAgain();
    }
  }

  /** @returns why it ended */
  async #read(events: AsyncIterable<EngineEvent>): Promise<string> {
    try {
      for await (const event of events) this.#apply(event);
      return 'it ended its event stream';
    } catch (error) {
      return messageOf(error);
    }
  }

  async #reachAgain(): Promise<AsyncIterable<EngineEvent> | undefined> {
    for (let tried = 0; !this.#ended.signal.aborted; tried += 1) {
      await this.#pause(pauses[Math.min(tried, pauses.length - 1)] ?? 0);
      try {
        const events = await this.#reach();
        this.log.info(`Docker Engine at ${this.connection.address} is back`);
        return events;
      } catch (error) {
        this.#stream.abort();
        this.#status = { ...this.#status, reason: messageOf(error) };
      }
    }
    return undefined;
  }

  #lose(reason: string, err?: unknown): void {
    this.#stream.abort();
    this.#status = { reachable: false, since: Date.now(), reason };
    this.log.warn({ err }, `Docker Engine at ${this.connection.address} is away: ${reason}`);
    this.#tell({ kind: 'lost', reason });
  }

  #apply(event: EngineEvent): void {
    const { type, action, id, attributes } = event;
    const tell = () => this.#tell({ kind: 'event', ...event });
    const container = type === 'container' ? id : attributes.container;
    const changes = type === 'network' || telling.has(action) || action.startsWith('health_status');
    // Whoever is told finds the container as it is since.
    if (container !== undefined && changes) void this.copies.refresh(container).then(tell);
    else tell();
  }

  async #relist(): Promise<void> {
    if (!this.#status.reachable) return;
    try {
      await this.copies.refreshAll();
    } catch (error) {
      // The stream may hang without a word: it is opened anew.
      this.log.debug(messageOf(error));
      this.#stream.abort();
    }
  }

  #tellContainer(before: Container | undefined, after: Container | undefined): void {
    this.#tell({ kind: 'container', ...(before ? { before } : {}), ...(after ? { after } : {}) });
  }

  #tell(change: EngineChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  /** Ends early, and without a word, when this is closed. */
  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#ended.signal, ref: false }).catch(() => {});
  }
}
