import type { Readable } from 'node:stream';

/** Bytes of a check's output that are kept, as in the Engine. */
const most = 4096;

/** What a check writes to either stream, in the order of arrival. More than is kept is read all the same. */
export class CheckOutput {
  #bytes = Buffer.alloc(0);
  #isCut = false;

  constructor(...streams: readonly Readable[]) {
    for (const stream of streams) {
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => this.#take(chunk));
    }
  }

  get text(): string {
    return `${this.#bytes.toString()}${this.#isCut ? '...' : ''}`;
  }

  #take(chunk: Buffer): void {
    const room = most - this.#bytes.length;
    if (chunk.length > room) this.#isCut = true;
    if (room > 0) this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, room)]);
  }
}
