import type { Socket } from 'node:net';
import { TCPServer } from 'dns2';
import type { Claimant } from '../askers/shares.ts';
import { framed } from '../wire/wire.ts';
import type { ListenerHandler } from './query-handler.ts';
import type { OpenConnection, TcpConnections } from './tcp-connections.ts';

export interface TcpLimits {
  /** A connection on which nothing moves for this long is closed. */
  readonly idleMs: number;
  /** Queries of one connection that are being forwarded; reading waits beyond. */
  readonly maxPending: number;
  /** Octets of answers that a client has not taken yet; reading waits beyond. */
  readonly maxUnsent: number;
}

export const defaultTcpLimits: TcpLimits = {
  // Docker's eight seconds (docker-facts 7.3).
  idleMs: 8000,
  maxPending: 64,
  maxUnsent: 256 * 1024,
};

/**
 * dns2's TCP server (it keeps half-closed connections open for their answers) with framing of our own:
 * dns2 hangs up on what does not parse and reads as fast as a client cares to send.
 */
export class TcpTransport extends TCPServer {
  readonly #handler: ListenerHandler;
  readonly #connections: TcpConnections;
  readonly #limits: TcpLimits;
  readonly #clients = new Set<Socket>();

  constructor(handler: ListenerHandler, connections: TcpConnections, limits: TcpLimits = defaultTcpLimits) {
    super();
    this.#handler = handler;
    this.#connections = connections;
    this.#limits = limits;
  }

  /** Called by dns2 for each connection. */
  handle(client: Socket): void {
    const claimant = this.#handler.admit(client.remoteAddress ?? '');
    const connection = claimant && new Connection(client, claimant, this.#handler, this.#limits);
    if (!connection || !this.#connections.add(connection)) {
      client.destroy();
      return;
    }
    this.#clients.add(client);
    client.on('close', () => {
      this.#clients.delete(client);
      this.#connections.remove(connection);
    });
    connection.start();
  }

  /** Connections too: waiting for their clients could take for ever. */
  override close(callback?: (error?: Error) => void): this {
    for (const client of this.#clients) client.destroy();
    return super.close(callback);
  }
}

/** Answers pipelined queries in the order in which they become known (RFC 7766 section 6.2.1.1). */
class Connection implements OpenConnection {
  #received: Buffer = Buffer.alloc(0);
  #pending = 0;
  #ended = false;

  constructor(
    private readonly client: Socket,
    readonly claimant: Claimant,
    private readonly handler: ListenerHandler,
    private readonly limits: TcpLimits,
  ) {}

  get isIdle(): boolean {
    return this.#pending === 0 && this.client.writableLength === 0;
  }

  close(): void {
    this.client.destroy();
  }

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
    const reply = this.handler.respond(packet, this.client.remoteAddress ?? '');
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
