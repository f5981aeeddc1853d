import type { RemoteInfo } from 'node:dgram';
import { UDPServer } from 'dns2';
import type { Respond } from './query-handler.ts';

/**
 * dns2's UDP server with its decoder taken out of the way: `handle` is where it would parse each packet
 * into objects, and later encode the answer bit by bit (25 µs for one address, 1.6 ms for a hundred).
 * Here the packet's octets go straight to the responder.
 */
export class UdpTransport extends UDPServer {
  #respond: Respond | undefined;

  constructor(family: 4 | 6, respond: Respond) {
    super({ type: family === 4 ? 'udp4' : 'udp6' });
    this.#respond = respond;
  }

  override handle(packet: Buffer, { address, port }: RemoteInfo): void {
    // Nobody can be answered on port 0; Node would throw.
    if (port === 0) return;
    this.#respond?.(packet, address, (reply) => {
      // A forwarded answer may come after the close. No callback: a lost answer is asked for again.
      if (reply && this.#respond) this.send(reply, port, address);
    });
  }

  override close(callback?: () => void): this {
    this.#respond = undefined;
    return super.close(callback);
  }
}
