import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../../src/lib/errors.ts';
import { callTimeout } from '../remote/backend.ts';
import type { StoreOptions } from '../remote/options.ts';
import type { Server } from '../remote/spec.ts';

/** Cuts the stream into packets. */
export class Frames {
  #parts: Buffer[] = [];
  #size = 0;

  add(data: Buffer): Buffer[] {
    this.#parts.push(data);
    this.#size += data.length;
    const frames: Buffer[] = [];
    // Joined only when a packet is whole: a long one comes in many pieces.
    while (this.#size >= 4 && this.#size >= 4 + this.#wanted()) {
      const all = Buffer.concat(this.#parts);
      let at = 0;
      while (all.length - at >= 4 && all.length - at >= 4 + all.readInt32BE(at)) {
        const end = at + 4 + all.readInt32BE(at);
        frames.push(all.subarray(at + 4, end));
        at = end;
      }
      this.#parts = [all.subarray(at)];
      this.#size = all.length - at;
    }
    return frames;
  }

  #wanted(): number {
    const [first] = this.#parts;
    if (first && first.length >= 4) return first.readInt32BE(0);
    this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0]?.readInt32BE(0) ?? 0;
  }
}

/** The server is not serving yet, or has not seen as much as this client, or wants TLS where there is none. */
export class GreetingRefused extends Error {
  override readonly name = 'GreetingRefused';
}

/** Connected, by TLS where asked for. */
export function openSocket({ host, port, secure }: Server, { tls }: StoreOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const useTls = secure || tls !== undefined;
    const done = () => {
      clearTimeout(timer);
      socket.removeListener('error', failed);
      resolve(socket);
    };
    const failed = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(`cannot connect: ${messageOf(error)}`, { cause: error }));
    };
    const socket = useTls
      ? connectTls({ host, port, ...(tls?.ca && { ca: tls.ca }), ...tls?.client }, done)
      : connect({ host, port, noDelay: true }, done);
    socket.setNoDelay(true);
    const timer = setTimeout(() => failed(new Error('no answer in time')), callTimeout);
    socket.once('error', failed);
  });
}

/** The answer to the greeting, before requests and answers begin. */
export function firstFrame(socket: Socket, frames: Frames): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      for (const event of ['data', 'error', 'close']) socket.removeAllListeners(event);
      act();
    };
    const timer = setTimeout(() => settle(() => reject(new Error('no answer in time'))), callTimeout);
    socket.on('data', (data) => {
      const [frame] = frames.add(data);
      if (frame) settle(() => resolve(frame));
    });
    socket.on('error', (error) => settle(() => reject(error)));
    socket.on('close', () => settle(() => reject(new GreetingRefused('the server closed the connection'))));
  });
}
