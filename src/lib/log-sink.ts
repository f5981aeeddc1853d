import { write } from 'node:fs';
import { promisify } from 'node:util';
import { withTimeout } from './with-timeout.ts';

const writeTo = promisify(write);

/** Characters that wait for a reader who stands still; what comes then is dropped, and counted. */
const maxWaiting = 1024 * 1024;
/** Before a descriptor that takes nothing just now is tried again, in milliseconds. */
const retryMs = 100;

/**
 * Takes lines to a file descriptor by a thread of libuv's. Written by the event loop itself, a log that nobody reads
 * (a journal that hangs, a terminal that is stopped) would stop everything once the pipe is full, DNS first.
 */
export class LogSink {
  #waiting: string[] = [];
  #size = 0;
  #dropped = 0;
  #draining: Promise<void> | undefined;

  /** `format` makes of a JSON line what is written; absent: the line itself. */
  constructor(
    private readonly fd: number,
    private readonly format: (line: string) => string = (line) => line,
  ) {}

  write(json: string): void {
    const line = this.format(json);
    if (this.#size + line.length > maxWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(line);
    this.#size += line.length;
    this.#draining ??= this.#drain();
  }

  /** Whether all has been written, or is within so many milliseconds. */
  async flushed(milliseconds: number): Promise<boolean> {
    return await withTimeout(this.#draining ?? Promise.resolve(), milliseconds);
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const text = this.#waiting.join('');
      this.#waiting = [];
      await this.#writeAll(Buffer.from(text));
      this.#size -= text.length;
      if (this.#dropped > 0) this.#sayDropped();
    }
    this.#draining = undefined;
  }

  #sayDropped(): void {
    const msg = `${this.#dropped} lines of the log are lost: nobody read it for a while`;
    this.#dropped = 0;
    this.write(`${JSON.stringify({ level: 40, time: Date.now(), msg })}\n`);
  }

  /** What cannot be written at all, as to a pipe that is closed, is lost. */
  async #writeAll(data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; ) {
      try {
        at += (await writeTo(this.fd, data, at)).bytesWritten;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }
}
