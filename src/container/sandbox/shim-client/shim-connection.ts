import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import * as z from 'zod';
import { FairleadError } from '../../../lib/errors.ts';
import { withTimeout } from '../../../lib/with-timeout.ts';
import { encodeControl, type Frame, FrameDecoder, frameTypes } from '../../shim/frames.ts';
import { type ExitRecord, type Notice, type Reply, type Request, shimFiles } from '../../shim/protocol.ts';

/** Milliseconds that a shim has to answer, whatever it is asked: far above what it takes where many start at once. */
export const shimPatience = 30_000;

export const exitSchema = z.object({
  exitCode: z.number().int(),
  finishedAt: z.string(),
  error: z.string().exactOptional(),
});
const started = z.object({ pid: z.number().int() });
const failed = z.object({ exitCode: z.number().int(), message: z.string() });
const noticeSchema = z.object({
  pid: z.number().int().exactOptional(),
  done: z.number().int().exactOptional(),
  spawned: z.number().int().exactOptional(),
  exit: exitSchema.exactOptional(),
});
const controlSchema = z.union([z.object({ started }), z.object({ failed }), noticeSchema]);

/**
 * Connects to the shim of the container with this directory.
 * The way over /proc/self/fd is short: a socket's path has at most 107 bytes (unix(7)), a data root may be longer.
 * @throws the system's error when nobody listens | internal when it says nothing within the time
 */
export async function connectToShim(root: string, patience: number): Promise<Socket> {
  const socket = await openSocket(root);
  if (await withTimeout(firstNotice(socket), patience).catch(() => false)) return socket;
  socket.destroy();
  throw silentShim();
}

export function silentShim(): FairleadError {
  return new FairleadError('internal', 'the shim of the container does not answer');
}

/** No more than that is taken from the stream. */
async function firstNotice(socket: Socket): Promise<Notice> {
  const header = await take(socket, 8);
  const payload = await take(socket, header.readUInt32BE(4));
  return noticeSchema.parse(JSON.parse(payload.toString()));
}

async function take(socket: Socket, size: number): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = socket.read(size);
    if (chunk) return chunk;
    await readable(socket);
  }
}

function readable(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      socket.off('readable', settle).off('close', settle);
      if (socket.readableEnded || socket.destroyed) reject(new Error('it has closed the connection'));
      else resolve();
    };
    socket.on('readable', settle).on('close', settle);
  });
}

async function openSocket(root: string): Promise<Socket> {
  const directory = openSync(root, 'r');
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(join('/proc/self/fd', String(directory), shimFiles.socket));
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        socket.on('error', () => socket.destroy());
        resolve(socket);
      });
    });
  } finally {
    closeSync(directory);
  }
}

/** The daemon's own connection to a shim, by which it steers the program and hears of its end. */
export class ShimConnection {
  readonly #asked = new Map<number, () => void>();
  #asking = 0;
  /** Resolves when the connection ends: with the exit, or undefined when the shim went without a word. */
  readonly ended: Promise<ExitRecord | undefined>;

  constructor(
    private readonly socket: Socket,
    private readonly patience: number,
  ) {
    let exit: ExitRecord | undefined;
    onFrames(socket, (frame) => {
      const notice = parseControl(frame);
      if (!notice || !('exit' in notice || 'done' in notice)) return;
      if (notice.exit) exit = notice.exit;
      if (notice.done !== undefined) this.#asked.get(notice.done)?.();
    });
    this.ended = new Promise((resolve) => {
      socket.once('close', () => resolve(exit));
    });
  }

  /** Resolves once it is done, or has nobody to do it for any more. @throws internal when the shim is silent */
  async request(request: Request): Promise<void> {
    if (!this.socket.writable) return;
    const ack = ++this.#asking;
    const done = new Promise<void>((resolve) => this.#asked.set(ack, resolve));
    this.socket.write(encodeControl({ ...request, ack }));
    const answered = await withTimeout(Promise.race([done, this.ended]), this.patience);
    this.#asked.delete(ack);
    if (!answered) throw silentShim();
  }

  close(): void {
    this.socket.destroy();
  }
}

export function onFrames(socket: Socket, handle: (frame: Frame) => void): void {
  const decoder = new FrameDecoder();
  socket.on('data', (chunk: Buffer) => {
    for (const frame of decoder.push(chunk)) handle(frame);
  });
}

/** What a control frame says; undefined for what a shim of another build may say beyond that. */
export function parseControl({ type, payload }: Frame): Notice | Reply | undefined {
  if (type !== frameTypes.control) return undefined;
  return controlSchema.safeParse(JSON.parse(payload.toString())).data;
}
