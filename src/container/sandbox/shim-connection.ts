import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import * as z from 'zod';
import { encodeControl, type Frame, FrameDecoder, frameTypes } from '../shim/frames.ts';
import { type ExitRecord, type Request, shimFiles } from '../shim/protocol.ts';

export const exitSchema = z.object({ exitCode: z.number().int(), finishedAt: z.string() });
const noticeSchema = z.object({ pid: z.number().int().optional(), exit: exitSchema.optional() });

/**
 * Connects to the shim of the container with this directory.
 * The way over /proc/self/fd is short: a socket's path has at most 107 bytes (unix(7)), a data root may be longer.
 * @throws the system's error when nobody listens
 */
export async function connectToShim(root: string): Promise<Socket> {
  const directory = openSync(root, 'r');
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(join('/proc/self/fd', String(directory), shimFiles.socket));
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    });
  } finally {
    closeSync(directory);
  }
}

/** The daemon's own connection to a shim, by which it steers the program and hears of its end. */
export class ShimConnection {
  readonly #socket: Socket;
  /** The program's pid in the container. */
  readonly pid: Promise<number | undefined>;
  /** Resolves when the connection ends: with the exit, or undefined when the shim went without a word. */
  readonly ended: Promise<ExitRecord | undefined>;

  constructor(socket: Socket) {
    this.#socket = socket;
    let exit: ExitRecord | undefined;
    let hello = (_pid: number | undefined) => {};
    this.pid = new Promise((resolve) => {
      hello = resolve;
    });
    onFrames(socket, (frame) => {
      const notice = parseNotice(frame);
      if (notice?.pid !== undefined) hello(notice.pid);
      if (notice?.exit) exit = notice.exit;
    });
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        hello(undefined);
        resolve(exit);
      });
    });
    socket.on('error', () => socket.destroy());
  }

  send(request: Request): void {
    if (this.#socket.writable) this.#socket.write(encodeControl(request));
  }

  close(): void {
    this.#socket.destroy();
  }
}

export function onFrames(socket: Socket, handle: (frame: Frame) => void): void {
  const decoder = new FrameDecoder();
  socket.on('data', (chunk: Buffer) => {
    for (const frame of decoder.push(chunk)) handle(frame);
  });
}

function parseNotice({ type, payload }: Frame) {
  if (type !== frameTypes.control) return undefined;
  return noticeSchema.safeParse(JSON.parse(payload.toString())).data;
}
