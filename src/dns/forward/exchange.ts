import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { joinHostPort } from '../../lib/host-address.ts';
import type { Upstream } from '../askers/resolv-conf.ts';
import { framed } from '../wire/wire.ts';

/** One question to one server: resolves with the first reply that `accepts` takes, rejects otherwise. */

type Accepts = (reply: Buffer) => boolean;

/**
 * A socket of its own per question: the kernel gives it a random source port, and, as it is connected,
 * lets nobody but the server answer (RFC 5452). @throws when nothing acceptable came within `timeoutMs`
 */
export function exchangeUdp(
  server: Upstream,
  packet: Buffer,
  accepts: Accepts,
  timeoutMs: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => settle(() => reject(silent(server, timeoutMs))), timeoutMs);
    let settled = false;
    function settle(how: () => void): void {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.close();
      how();
    }
    socket.on('error', (error) => settle(() => reject(error)));
    socket.on('message', (reply) => {
      if (accepts(reply)) settle(() => resolve(reply));
    });
    socket.on('connect', () => socket.send(packet));
    socket.connect(server.port, server.address);
  });
}

/** For answers that do not fit UDP. @throws as exchangeUdp */
export function exchangeTcp(
  server: Upstream,
  packet: Buffer,
  accepts: Accepts,
  timeoutMs: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port });
    const timer = setTimeout(() => fail(silent(server, timeoutMs)), timeoutMs);
    let received = Buffer.alloc(0);
    function fail(error: Error): void {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    }
    socket.on('error', fail);
    socket.on('close', () => fail(new Error(`DNS server ${server.address} closed the connection`)));
    socket.on('connect', () => socket.write(framed(packet)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const reply = received.subarray(2, 2 + received.readUInt16BE(0));
      if (!accepts(reply)) return fail(new Error(`DNS server ${server.address} answered another question`));
      clearTimeout(timer);
      resolve(reply);
      socket.destroy();
    });
  });
}

function silent({ address, port }: Upstream, timeoutMs: number): Error {
  return new Error(`DNS server ${joinHostPort(address, port)} did not answer within ${timeoutMs} ms`);
}
