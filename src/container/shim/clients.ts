import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { encodeControl, encodeFrame, type Frame, FrameDecoder, frameTypes } from './frames.ts';
import { type Notice, type Request, shimFiles } from './protocol.ts';
import { Session } from './session.ts';

/** Bytes that wait for a slow client before the program has to wait too, as Docker does. */
const maxWaiting = 1024 * 1024;
/** Milliseconds that clients have at the end to read what is left. */
const lastReadsMs = 10_000;
/** Milliseconds that output waits for clients that said they would attach. */
const longestHold = 10_000;

export interface ClientEvents {
  readonly onRequest: (request: Request) => Promise<void>;
  /** Resolves when the program can take more; an empty chunk is the end of stdin. */
  readonly onStdin: (data: Buffer) => Promise<void>;
  /** The slowest client has fallen behind (true) or has caught up. */
  readonly onCongestion: (congested: boolean) => void;
}

/** The connections to the shim's socket: the daemon's own, and one for each `attach` and each exec. */
export class Clients {
  readonly #events: ClientEvents;
  readonly #server: Server;
  readonly #all = new Set<Socket>();
  readonly #attached = new Set<Socket>();
  /** Those of execs, which have an end of their own. */
  readonly #sessions = new Map<Socket, Session>();
  /** Output that waits for the clients awaited; undefined once they are there. */
  #held: Buffer[] | undefined;
  readonly #awaited: number;
  #allThere = () => {};
  readonly #thereOrLate: Promise<void>;
  #pid = 0;
  #congested = false;

  constructor(awaited: number, events: ClientEvents) {
    this.#events = events;
    this.#awaited = awaited;
    this.#held = awaited > 0 ? [] : undefined;
    this.#thereOrLate = new Promise((resolve) => {
      this.#allThere = resolve;
    });
    if (awaited === 0) this.#allThere();
    this.#server = createServer({ allowHalfOpen: false }, (socket) => this.#accept(socket));
  }

  /** The slowest client has fallen behind: the program's output is to wait. */
  get congested(): boolean {
    return this.#congested;
  }

  /** The path is relative: a socket's path has at most 107 bytes (unix(7)), and a data root may be long. */
  async listen(pid: number): Promise<void> {
    this.#pid = pid;
    rmSync(shimFiles.socket, { force: true });
    if (this.#held) setTimeout(() => this.#release(), longestHold).unref();
    // Whoever may write to it is root in the container: nobody else may, from bind(2) on, which `listen` does at once.
    const umask = process.umask(0o177);
    const listening = new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(shimFiles.socket, resolve);
    });
    process.umask(umask);
    await listening;
  }

  output(type: typeof frameTypes.stdout | typeof frameTypes.stderr, chunk: Buffer): void {
    if (this.#held) this.#held.push(encodeFrame(type, chunk));
    else if (this.#attached.size > 0) this.#send(encodeFrame(type, chunk));
    this.#checkCongestion();
  }

  /** Tells everyone and waits, within limits, until they have read it all. */
  async end(notice: Notice): Promise<void> {
    await this.#thereOrLate;
    this.#server.close();
    const closed = [...this.#all].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    for (const socket of this.#all) socket.end(encodeControl(notice));
    const timer = new Promise<void>((resolve) => setTimeout(resolve, lastReadsMs).unref());
    await Promise.race([Promise.all(closed), timer]);
  }

  #accept(socket: Socket): void {
    const decoder = new FrameDecoder();
    this.#all.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#forget(socket));
    socket.on('drain', () => this.#checkCongestion());
    socket.on('data', (chunk: Buffer) => {
      for (const frame of decoder.push(chunk)) this.#handle(socket, frame);
    });
    socket.write(encodeControl({ pid: this.#pid } satisfies Notice));
  }

  #handle(socket: Socket, frame: Frame): void {
    const session = this.#sessions.get(socket);
    if (session) session.handle(frame);
    else if (frame.type === frameTypes.stdin) {
      socket.pause();
      this.#events.onStdin(frame.payload).finally(() => socket.resume());
    } else if (frame.type === frameTypes.control) {
      void this.#serve(socket, JSON.parse(frame.payload.toString()));
    }
  }

  async #serve(socket: Socket, request: Request): Promise<void> {
    if (request.exec) {
      this.#all.delete(socket);
      this.#sessions.set(socket, new Session(socket, request.exec));
      return;
    }
    if (request.attach) {
      this.#attached.add(socket);
      if (this.#attached.size >= this.#awaited) this.#release();
    }
    await this.#events.onRequest(request);
    if (request.ack === undefined || !socket.writable) return;
    socket.write(encodeControl({ done: request.ack } satisfies Notice));
  }

  #forget(socket: Socket): void {
    this.#all.delete(socket);
    this.#attached.delete(socket);
    this.#sessions.delete(socket);
    this.#checkCongestion();
  }

  #send(frame: Buffer): void {
    for (const socket of this.#attached) socket.write(frame);
  }

  #release(): void {
    for (const frame of this.#held?.splice(0) ?? []) this.#send(frame);
    this.#held = undefined;
    this.#allThere();
    this.#checkCongestion();
  }

  #checkCongestion(): void {
    const held = this.#held?.reduce((size, frame) => size + frame.length, 0) ?? 0;
    const waiting = Math.max(held, ...[...this.#attached].map((socket) => socket.writableLength));
    if (waiting > maxWaiting === this.#congested) return;
    this.#congested = waiting > maxWaiting;
    this.#events.onCongestion(this.#congested);
  }
}
