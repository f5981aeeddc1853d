import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { ListenerHandler } from './query-handler.ts';

/**
 * Octets, or what net.core.rmem_max allows (some kernels 208 kB). All who ask here wait in it: while this thread is not
 * running, a burst of one asker's must not push the others' out. The usual one holds 270 short queries.
 */
const recvBufferSize = 1 << 20;

/**
 * A plain datagram socket. dns2's server is one too, but takes each packet apart into objects and encodes the
 * answer bit by bit (25 µs for one address, 1.6 ms for a hundred), and leaves no way to set `lookup`.
 */
export class UdpTransport {
  readonly socket: Socket;
  #isOpen = true;

  constructor(
    family: 4 | 6,
    private readonly handler: ListenerHandler,
    /** Bound already. */
    given?: Socket,
  ) {
    const type = family === 4 ? 'udp4' : 'udp6';
    this.socket = given ?? createSocket({ type, lookup: isAddress, recvBufferSize });
    this.socket.on('message', (packet, from) => this.#take(packet, from));
  }

  close(callback?: () => void): void {
    this.#isOpen = false;
    this.socket.close(callback);
  }

  #take(packet: Buffer, { address, port }: RemoteInfo): void {
    // Nobody can be answered on port 0; Node would throw.
    if (port === 0) return;
    const reply = this.handler.respond(packet, address);
    if (reply instanceof Promise) void reply.then((late) => this.#send(late, port, address));
    else if (reply) this.#send(reply, port, address);
  }

  /** No callback: a lost answer is asked for again. */
  #send(reply: Buffer, port: number, address: string): void {
    // A forwarded answer may come after the close.
    if (this.#isOpen) this.socket.send(reply, port, address);
  }
}

/** Answers go to addresses. The usual lookup would find that out, and wait for the next tick, with every query. */
function isAddress(
  address: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, address, address.includes(':') ? 6 : 4);
}
