import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import type { ProcessStreams } from '../../runtime.ts';
import { encodeControl, encodeFrame, frameTypes } from '../../shim/frames.ts';
import type { Notice, Reply, Request } from '../../shim/protocol.ts';
import { onFrames, parseControl } from './shim-connection.ts';

/** What the connection begins with, and what is said on it beside the streams. */
export interface Conversation {
  readonly request: Request;
  readonly onNotice: (notice: Notice | Reply) => void;
}

/**
 * The live streams of a container's program. Made before or after it has started: what is written
 * beforehand waits. Whoever reads must read both stdout and stderr; destroying stdout detaches, and
 * ending stdin ends the program's.
 */
export class Attachment implements ProcessStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  #socket: Socket | undefined;
  /** A write to stdin, or a size, from before the program has started. */
  #waiting: (() => void)[] = [];

  constructor() {
    this.stdin = new Writable({
      write: (chunk: Buffer, _encoding, done) => this.#feed(chunk, done),
      final: (done) => this.#feed(Buffer.alloc(0), done),
    });
    this.stdout = this.#output();
    this.stderr = this.#output();
    // Both are broken off by the container's end, which is no news to a writer.
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream.on('error', () => {});
  }

  resize(columns: number, rows: number): void {
    this.#whenConnected((socket) => socket.write(encodeControl({ resize: { columns, rows } })));
  }

  /** Absent: to the container's own program. Of any other, its end is waited for even when nobody reads any more. */
  connect(socket: Socket, conversation?: Conversation): void {
    if (this.stdout.destroyed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    this.stdout.once('close', () => (conversation ? socket.resume() : socket.destroy()));
    socket.once('close', () => this.end());
    onFrames(socket, (frame) => {
      const { type, payload } = frame;
      const stream =
        type === frameTypes.stdout ? this.stdout : type === frameTypes.stderr ? this.stderr : undefined;
      if (stream && !stream.destroyed && !stream.push(payload)) socket.pause();
      const notice = conversation && parseControl(frame);
      if (notice) conversation.onNotice(notice);
    });
    socket.write(encodeControl(conversation?.request ?? { attach: true }));
    for (const action of this.#waiting.splice(0)) action();
  }

  /** No more will come: the program has ended or did not start. */
  end(): void {
    for (const stream of [this.stdout, this.stderr]) {
      if (!stream.destroyed) stream.push(null);
    }
    this.stdin.destroy();
  }

  #output(): Readable {
    return new Readable({ read: () => this.#socket?.resume() });
  }

  #feed(data: Buffer, done: (error?: Error | null) => void): void {
    this.#whenConnected((socket) => {
      if (!socket.writable) done();
      else socket.write(encodeFrame(frameTypes.stdin, data), () => done());
    });
  }

  #whenConnected(action: (socket: Socket) => void): void {
    if (this.#socket) action(this.#socket);
    else this.#waiting.push(() => this.#socket && action(this.#socket));
  }
}
