import type { Socket } from 'node:net';
import { callTimeout } from '../remote/backend.ts';
import type { StoreOptions } from '../remote/options.ts';
import type { Server } from '../remote/spec.ts';
import { Frames, firstFrame, openSocket } from './socket.ts';
import { answerError, codes, opcodes, WireReader, WireWriter, ZooKeeperError } from './wire.ts';

/** xids that the protocol reserves. */
const xids = { event: -1, ping: -2, auth: -4 } as const;

/** What a session is taken up again with, on another connection. */
export interface SessionKey {
  readonly id: bigint;
  readonly password: Buffer;
}

export interface SessionWish extends SessionKey {
  /** Milliseconds; the server has limits of its own for it. */
  readonly timeout: number;
  /** What the client has seen. A server that has not come so far refuses it, so time never runs backwards. */
  readonly lastZxid: bigint;
}

export const newSession: SessionKey = { id: 0n, password: Buffer.alloc(16) };

interface Pending {
  readonly resolve: (answer: WireReader) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One connection and the session on it. Requests are answered in order. When anything goes wrong the
 * connection is at its end: it rejects what waits and calls `onEnd`; it never connects again by itself.
 */
export class ZooKeeperConnection {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  /** Path → who waits for its next change. */
  readonly #watches = new Map<string, Set<() => void>>();
  readonly #pings: NodeJS.Timeout;
  /** Not one for each request: of the thousands of a long list the last is answered late. */
  readonly #silence: NodeJS.Timeout;
  #xid = 0;
  #ended: Error | undefined;
  #lastHeard = performance.now();
  lastZxid = 0n;
  onEnd: () => void = () => {};

  /** @throws ZooKeeperError(sessionExpired) when the session to be taken up is gone */
  static async open(server: Server, options: StoreOptions, wish: SessionWish) {
    const socket = await openSocket(server, options);
    const frames = new Frames();
    try {
      const greeting = new WireWriter().int(0).long(wish.lastZxid).int(wish.timeout);
      socket.write(greeting.long(wish.id).bytes(wish.password).bool(false).packet());
      const answer = new WireReader(await firstFrame(socket, frames));
      answer.int();
      const granted = answer.int();
      const key = { id: answer.long(), password: Buffer.from(answer.bytes()) };
      if (granted <= 0) throw new ZooKeeperError(codes.sessionExpired);
      return new ZooKeeperConnection(socket, frames, key, granted, options.login);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  private constructor(
    socket: Socket,
    frames: Frames,
    readonly session: SessionKey,
    timeout: number,
    login: StoreOptions['login'],
  ) {
    this.#socket = socket;
    socket.on('data', (data) => {
      for (const frame of frames.add(data)) this.#receive(new WireReader(frame));
    });
    socket.on('error', (error) => this.end(error));
    socket.on('close', () => this.end(new Error('the server closed the connection')));
    if (login) this.#authenticate(`${login.user}:${login.password}`);
    this.#pings = setInterval(() => this.#ping(timeout), timeout / 3);
    this.#silence = setTimeout(() => this.#heardNothing(), callTimeout);
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** `body` follows the request's header. @throws ZooKeeperError, or why the connection ended */
  ask(opcode: number, body: WireWriter): Promise<WireReader> {
    this.#xid = (this.#xid + 1) & 0x7fff_ffff;
    const xid = this.#xid;
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(this.#ended);
        return;
      }
      if (this.#pending.size === 0) this.#silence.refresh();
      this.#pending.set(xid, { resolve, reject });
      this.#socket.write(new WireWriter().int(xid).int(opcode).append(body).packet());
    });
  }

  /** Calls once, when the server tells of a change of the path or the connection ends. Returns how to stop waiting. */
  onChange(path: string, call: () => void): () => void {
    const waiting = this.#watches.get(path) ?? new Set();
    this.#watches.set(path, waiting.add(call));
    return () => waiting.delete(call);
  }

  /** Leaves the session to its timeout: the server is not told. */
  end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    clearInterval(this.#pings);
    clearTimeout(this.#silence);
    this.#socket.destroy();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    for (const path of [...this.#watches.keys()]) this.#fire(path);
    this.onEnd();
  }

  #receive(frame: WireReader): void {
    this.#lastHeard = performance.now();
    this.#silence.refresh();
    const xid = frame.int();
    const zxid = frame.long();
    if (zxid > this.lastZxid) this.lastZxid = zxid;
    const error = frame.int();
    if (xid === xids.event) this.#event(frame);
    else if (xid === xids.auth && error !== 0) this.end(answerError(error));
    else this.#answer(xid, error, frame);
  }

  #answer(xid: number, error: number, frame: WireReader): void {
    const pending = this.#pending.get(xid);
    if (!pending) return;
    this.#pending.delete(xid);
    if (error === 0) pending.resolve(frame);
    else pending.reject(answerError(error));
  }

  #event(frame: WireReader): void {
    frame.int();
    frame.int();
    this.#fire(frame.text());
  }

  #fire(path: string): void {
    const waiting = this.#watches.get(path);
    this.#watches.delete(path);
    for (const call of waiting ?? []) call();
  }

  #authenticate(credentials: string): void {
    const body = new WireWriter().int(0).text('digest').text(credentials);
    this.#socket.write(new WireWriter().int(xids.auth).int(opcodes.auth).append(body).packet());
  }

  #heardNothing(): void {
    if (this.#pending.size > 0) this.end(new Error('no answer in time'));
  }

  /** A server that has been silent for two thirds of the timeout is gone. */
  #ping(timeout: number): void {
    const silence = performance.now() - this.#lastHeard;
    if (silence > (timeout * 2) / 3 + 100) this.end(new Error(`no word for ${Math.round(silence)} ms`));
    else this.#socket.write(new WireWriter().int(xids.ping).int(opcodes.ping).packet());
  }
}
