import type { Socket } from 'node:net';
import { TCPServer } from 'dns2';
import { framed } from './exchange.ts';
import type { Respond } from './query-handler.ts';

export interface TcpLimits {
  /** A connection on which nothing moves for this long is closed. */
  readonly idleMs: number;
  readonly maxConnections: number;
  /** Queries of one connection that are being forwarded; reading waits beyond. */
  readonly maxPending: number;
  /** Octets of answers that a client has not taken yet; reading waits beyond. */
  readonly maxUnsent: number;
}

export const defaultTcpLimits: TcpLimits = {
  // Docker's eight seconds (docker-facts 7.3).
  idleMs: 8000,
  maxConnections: 256,
  maxPending: 64,
  maxUnsent: 256 * 1024,
};

/**
 * dns2's TCP server (it keeps half-closed connections open for their answers) with framing of our own:
 * dns2 hangs up on what does not parse and reads as fast as a client cares to send.
 */
export class TcpTransport extends TCPServer {
  readonly #respond: Respond;
  readonly #limits: TcpLimits;
  readonly #clients = new Set<Socket>();

  constructor(respond: Respond, limits: TcpLimits = defaultTcpLimits) {
    super();
    this.#respond = respond;
    this.#limits = limits;
    this.maxConnections = limits.maxConnections;
  }

  /** Called by dns2 for each connection. */
  handle(client: Socket): void {
    this.#clients.add(client);
    client.on('close', () => this.#clients.delete(client));
    new Connection(client, this.#respond, this.#limits).start();
  }

  /** Connections too: waiting for their clients could take for ever. */
  override close(callback?: (error?: Error) => void): this {
    for (const client of this.#clients) client.destroy();
    return super.close(callback);
  }
}

/** Answers pipelined queries in the order in which they become known (RFC 7766 section 6.2.1.1). */
class Connection {
  #received: Buffer = Buffer.alloc(0);
  #pending = 0;
  #ended = false;

  constructor(
    private readonly client: Socket,
    private readonly respond: Respond,
    private readonly limits: TcpLimits,
  ) {}

  start(): void {
    const { client, limits } = this;
    client.setTimeout(limits.idleMs, () => client.destroy());
    client.on('error', () => client.destroy());
    client.on('drain', () => this.#readOn());
    client.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#readOn();
    });
    client.on('end', () => {
      this.#ended = true;
      this.#finish();
    });
  }

  #readOn(): void {
    while (!this.#isFull()) {
      if (this.#received.length < 2) break;
      const size = this.#received.readUInt16BE(0);
      if (this.#received.length < 2 + size) break;
      const packet = this.#received.subarray(2, 2 + size);
      this.#received = this.#received.subarray(2 + size);
      this.#take(packet);
    }
    if (this.#isFull()) this.client.pause();
    else this.client.resume();
    this.#finish();
  }

  #isFull(): boolean {
    return this.#pending >= this.limits.maxPending || this.client.writableLength > this.limits.maxUnsent;
  }

  #take(packet: Buffer): void {
    const reply = this.respond(packet, this.client.remoteAddress ?? '');
    if (reply instanceof Promise) void this.#writeLater(reply);
    else this.#write(reply);
  }

  async #writeLater(reply: Promise<Buffer>): Promise<void> {
    this.#pending++;
    const late = await reply;
    this.#pending--;
    this.#write(late);
    this.#readOn();
  }

  #write(reply: Buffer | undefined): void {
    if (reply && this.client.writable) this.client.write(framed(reply));
  }

  /** Hangs up once the client has, and has got all its answers. */
  #finish(): void {
    if (this.#ended && this.#pending === 0 && !this.#holdsQuery()) this.client.end();
  }

  #holdsQuery(): boolean {
    return this.#received.length >= 2 && this.#received.length >= 2 + this.#received.readUInt16BE(0);
  }
}
