import { randomBytes } from 'node:crypto';
import { Channel } from '../../lib/channel.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { type Difference, Differences, type Kind } from './differences.ts';

/** One message of the feed. Its id is what a reader resumes after. */
export interface Change {
  /** `EPOCH-NUMBER`: numbers of one epoch have no gaps. */
  readonly id: string;
  readonly kind: Kind | 'snapshot';
  /** JSON. */
  readonly text: string;
}

/** `close` ends it after what waits, `return` at once. */
export type Reader = Pick<Channel<Change>, 'next' | 'return' | 'close' | typeof Symbol.asyncIterator>;

/** What the feed looks at. */
export interface Watched {
  /** Begins to follow all there is. `ready` resolves when it is known; it may never. */
  begin(onChange: (networkIds: Iterable<string>, nodeIds: Iterable<string>) => void): {
    readonly ready: Promise<void>;
    end(): void;
  };
  networkIds(): Iterable<string>;
  nodeIds(): Iterable<string>;
  differences(
    known: Differences,
    networkIds: Iterable<string>,
    nodeIds: Iterable<string>,
  ): readonly Difference[];
}

/** How many changes back a reader can resume. */
const kept = 4096;
/** A reader that lets this many wait unread is cut off, so that it costs no memory. */
const maxBacklog = 8192;
/** For how long changes are kept that nobody reads, in milliseconds. */
const idleMs = 60_000;
/** How long a first reader waits for the KV store, in milliseconds; then it is told what is known here. */
const patienceMs = 2000;

/**
 * The changes of the whole cluster for any number of readers. Nothing is followed while there is no reader, but for
 * a minute after the last one, who may have lost his connection only.
 *
 * The promise: a reader who applies what he gets, in order, holds the state as of the last id. A `snapshot` replaces
 * everything; it comes first, and again where what was missed is not kept any more (another epoch: the daemon was
 * restarted). After an id of this epoch that is kept come exactly the changes since: none twice, none left out.
 */
export class Feed {
  readonly #readers = new Set<Channel<Change>>();
  readonly #past: Change[] = [];
  #epoch = '';
  #number = 0;
  #running: { readonly end: () => void; readonly known: Promise<void> } | undefined;
  #differences = new Differences();
  #idle: Timer | undefined;

  constructor(
    private readonly watched: Watched,
    private readonly clock: Clock,
  ) {}

  get readers(): number {
    return this.#readers.size;
  }

  /** `after`: the id of the last change that the reader has. */
  async subscribe(after?: string): Promise<Reader> {
    this.#idle?.cancel();
    const channel: Channel<Change> = new Channel(() => this.#left(channel));
    this.#running ??= this.#begin();
    await this.#running.known;
    const missed = after === undefined ? undefined : this.#since(after);
    for (const change of missed ?? [this.#snapshot()]) channel.push(change);
    this.#readers.add(channel);
    return channel;
  }

  close(): void {
    this.#idle?.cancel();
    this.#running?.end();
    this.#running = undefined;
    for (const reader of this.#readers) reader.close();
  }

  #begin() {
    const { ready, end } = this.watched.begin((networkIds, nodeIds) => this.#look(networkIds, nodeIds));
    const known = withTimeout(ready, patienceMs).then((inTime) => {
      this.#reset();
      // What was there all along must not look as if it came now.
      if (!inTime) void ready.then(() => this.#startOver());
    });
    return { end, known };
  }

  #reset(): void {
    this.#epoch = randomBytes(6).toString('hex');
    this.#number = 0;
    this.#past.length = 0;
    this.#differences = new Differences();
    this.watched.differences(this.#differences, this.watched.networkIds(), this.watched.nodeIds());
  }

  #startOver(): void {
    if (!this.#running) return;
    this.#reset();
    const snapshot = this.#snapshot();
    for (const reader of this.#readers) reader.push(snapshot);
  }

  #look(networkIds: Iterable<string>, nodeIds: Iterable<string>): void {
    if (this.#epoch === '') return;
    for (const difference of this.watched.differences(this.#differences, networkIds, nodeIds))
      this.#tell(difference);
  }

  #tell({ kind, action, text }: Difference): void {
    this.#number += 1;
    const change = {
      id: this.#id(this.#number),
      kind,
      text: `{"action":"${action}","time":"${this.#now()}","${kind}":${text}}`,
    };
    this.#past.push(change);
    if (this.#past.length > kept) this.#past.shift();
    for (const reader of this.#readers) {
      reader.push(change);
      if (reader.backlog > maxBacklog) this.#cutOff(reader);
    }
  }

  #snapshot(): Change {
    const text = `{"time":"${this.#now()}",${this.#differences.snapshot()}}`;
    return { id: this.#id(this.#number), kind: 'snapshot', text };
  }

  /** Undefined: not all of it is kept. */
  #since(after: string): readonly Change[] | undefined {
    const [epoch, number = ''] = after.split('-');
    const missed = this.#number - Number(number);
    if (epoch !== this.#epoch || !/^\d{1,15}$/.test(number)) return undefined;
    if (missed < 0 || missed > this.#past.length) return undefined;
    return missed === 0 ? [] : this.#past.slice(-missed);
  }

  #id(number: number): string {
    return `${this.#epoch}-${number}`;
  }

  #now(): string {
    return new Date(this.clock.now()).toISOString();
  }

  #cutOff(reader: Channel<Change>): void {
    this.#readers.delete(reader);
    reader.drop();
    reader.close();
  }

  #left(reader: Channel<Change>): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#idle?.cancel();
    this.#idle = this.clock.after(idleMs, () => this.#rest());
  }

  #rest(): void {
    if (this.#readers.size > 0) return;
    this.#running?.end();
    this.#running = undefined;
    this.#epoch = '';
    this.#past.length = 0;
    this.#differences = new Differences();
  }
}
