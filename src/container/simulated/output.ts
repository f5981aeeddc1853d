import { PassThrough, Writable } from 'node:stream';
import { Channel } from '../../lib/channel.ts';
import type { Clock } from '../../lib/clock.ts';
import { timestamp } from '../../lib/time.ts';
import type { LogLine, LogOptions, ProcessStreams } from '../runtime.ts';
import type { Output } from './programs.ts';

/** Bytes of a container's log; of more the oldest lines go. */
const maxLogBytes = 4 * 1024 * 1024;

/** What one simulated container has written, and who listens. */
export class ContainerOutput {
  readonly #lines: LogLine[] = [];
  #bytes = 0;
  readonly #followers = new Set<Channel<LogLine>>();
  readonly #clients = new Set<Attached>();

  constructor(
    private readonly clock: Clock,
    /** Of a terminal, which has one stream. */
    private readonly tty: boolean,
  ) {}

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  write({ stdout = '', stderr = '' }: Output): void {
    this.#add('stdout', stdout);
    this.#add('stderr', stderr);
  }

  /** Said to those who are attached now, and kept in no log. */
  tell(text: string): void {
    for (const client of this.#clients) this.#tellOne(client, text);
  }

  /** The program has ended: nobody who listens gets any more. */
  end(): void {
    for (const follower of this.#followers) follower.close();
    for (const client of this.#clients) client.end();
    this.#followers.clear();
    this.#clients.clear();
  }

  /** `notice`: for this client. */
  attach(notice = ''): ProcessStreams {
    const client = new Attached(() => this.#clients.delete(client));
    this.#clients.add(client);
    this.#tellOne(client, notice);
    return client;
  }

  async *read(options: LogOptions, isRunning: boolean): AsyncGenerator<LogLine> {
    const follower = options.follow && isRunning ? this.#follow(options.until) : undefined;
    try {
      const kept = this.#lines.filter((line) => isWithin(line, options));
      yield* options.tail === undefined ? kept : kept.slice(Math.max(0, kept.length - options.tail));
      if (follower) for await (const line of follower) if (isWithin(line, options)) yield line;
    } finally {
      void follower?.return();
    }
  }

  #tellOne(client: Attached, text: string): void {
    client.take(this.tty ? 'stdout' : 'stderr', Buffer.from(text));
  }

  #follow(until: number | undefined): Channel<LogLine> {
    const end = () => follower.close();
    const timer = until && this.clock.after(Math.max(0, until * 1000 - this.clock.now()), end);
    const follower: Channel<LogLine> = new Channel(() => {
      if (timer) timer.cancel();
      this.#followers.delete(follower);
    });
    this.#followers.add(follower);
    return follower;
  }

  #add(stream: LogLine['stream'], text: string | Uint8Array): void {
    const data = Buffer.from(text);
    if (data.length === 0) return;
    const time = timestamp(this.clock.now());
    for (const piece of linesOf(data)) {
      const line = { stream, time, data: piece };
      this.#lines.push(line);
      for (const follower of this.#followers) follower.push(line);
    }
    for (const client of this.#clients) client.take(this.tty ? 'stdout' : stream, data);
    this.#bytes += data.length;
    while (this.#bytes > maxLogBytes) this.#bytes -= this.#lines.shift()?.data.length ?? this.#bytes;
  }
}

/** A client's end of a program's streams. No program is there to read its input, so that goes nowhere. */
class Attached implements ProcessStreams {
  readonly stdin = new Writable({ write: (_chunk, _encoding, done) => done() });
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();

  constructor(onLeave: () => void) {
    this.stdout.once('close', onLeave);
  }

  take(stream: LogLine['stream'], data: Buffer): void {
    if (!this[stream].destroyed) this[stream].write(data);
  }

  end(): void {
    this.stdout.end();
    this.stderr.end();
  }

  resize(): void {}
}

function* linesOf(data: Buffer): Iterable<Buffer> {
  for (let at = 0; at < data.length; ) {
    const newline = data.indexOf(10, at);
    const end = newline < 0 ? data.length : newline + 1;
    yield data.subarray(at, end);
    at = end;
  }
}

function isWithin({ time }: LogLine, { since, until }: LogOptions): boolean {
  const seconds = Date.parse(time) / 1000;
  return (since === undefined || seconds >= since) && (until === undefined || seconds <= until);
}
