import type { Socket } from 'node:dgram';
import { askUdp, clientSubnet, giveUpAfter, makeQuery, readReply } from '../unit/dns/fixture.ts';

export interface Asked {
  readonly rcode: number;
  /** IPv4 addresses, sorted. */
  readonly addresses: readonly string[];
}

/** Takes a query to a responder; undefined when no answer came in time. */
export type Exchange = (query: Buffer) => Promise<Buffer | undefined>;

/** Milliseconds that an answer may take. */
const waitMs = 3000;

/**
 * What a name is to the container with this address: EDNS Client Subnet names the asker on the host's
 * listener.
 */
export async function askAs(asker: string, name: string, exchange: Exchange): Promise<Asked | undefined> {
  const options = clientSubnet(asker.split('.').map(Number));
  const id = Math.floor(Math.random() * 0x10000);
  const reply = await exchange(makeQuery(name, { id, edns: 1232, options }));
  if (!reply) return undefined;
  const { rcode, answers } = readReply(reply);
  const addresses = answers.flatMap((answer) => {
    const [, , type, data] = answer.split(' ');
    return type === 'A' && data !== undefined ? [data] : [];
  });
  return { rcode, addresses: addresses.sort() };
}

/** With the responder on a port of this process's loopback, a socket for each query. */
export function exchangeWith(port: number): Exchange {
  return (query) => askUdp(query, { address: '127.0.0.1', port }, { waitMs });
}

/** With the responder on a port of the loopback that the socket belongs to. */
export function exchangeBy(socket: Socket, port: number): Exchange {
  return (query) =>
    new Promise((resolve) => {
      const end = (reply?: Buffer) => {
        clearTimeout(timer);
        socket.off('message', take);
        resolve(reply);
      };
      const take = (reply: Buffer) => {
        if (reply.readUInt16BE(0) === query.readUInt16BE(0)) end(reply);
      };
      const timer = giveUpAfter(waitMs, end);
      socket.on('message', take).send(query, port, '127.0.0.1');
    });
}
