import { createSocket, type Socket } from 'node:dgram';
import { afterEach } from 'vitest';
import { createDns, type Dns, type DnsOptions } from '../../../src/dns/dns.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { FakeNames, makeEndpoint, makeNetwork } from './fixture.ts';

export const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

export interface FakeUpstream {
  readonly server: string;
  /** But for probes, which ask for the root's servers. */
  readonly received: Buffer[];
}

export function isRootQuestion(query: Buffer): boolean {
  return query[12] === 0;
}

/** A UDP server that answers as told: a list is sent one after the other, undefined is silence. */
export async function upstream(
  reply: (query: Buffer) => Buffer | readonly Buffer[] | undefined,
): Promise<FakeUpstream> {
  const socket: Socket = createSocket('udp4');
  const received: Buffer[] = [];
  socket.on('message', (query, { port, address }) => {
    if (!isRootQuestion(query)) received.push(query);
    for (const packet of [reply(query) ?? []].flat()) socket.send(packet, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  cleanUps.push(() => new Promise<void>((resolve) => socket.close(resolve)));
  return { server: `127.0.0.1:${socket.address().port}`, received };
}

const record = Buffer.from('c00c000100010000003c0004c0000207', 'hex');

/** The question again, with RCODE, flags, and any number of A 192.0.2.7 TTL 60. */
export function replyTo(
  query: Buffer,
  fields: { rcode?: number; answers?: number; flags?: number } = {},
): Buffer {
  const { rcode = 0, answers = rcode === 0 ? 1 : 0, flags = 0 } = fields;
  const end = query.indexOf(0, 12) + 5;
  const reply = Buffer.concat([query.subarray(0, end), ...Array<Buffer>(answers).fill(record)]);
  reply.writeUInt16BE(0x8180 | flags | rcode, 2);
  reply.writeUInt16BE(answers, 6);
  reply.writeUInt16BE(0, 10);
  return reply;
}

export async function start(
  options: DnsOptions,
): Promise<{ dns: Dns; to: { address: string; port: number } }> {
  const names = new FakeNames();
  const foo = makeNetwork('foo', '127.0.19.0/24');
  names.set(foo, [makeEndpoint(foo, { name: 'web', ipv4: '127.0.19.2/24' })]);
  const dns = createDns({
    directory: names,
    log: silentLogger,
    options: { listen: '127.0.0.1:0', ...options },
  });
  await dns.start();
  cleanUps.push(() => dns.close());
  return { dns, to: { address: '127.0.0.1', port: dns.status().listeners[0]?.port ?? 0 } };
}

/** A UDP server that keeps what it is asked until `answerAll`. */
export async function holdingUpstream() {
  const held: (() => void)[] = [];
  const received: Buffer[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    received.push(query);
    held.push(() => socket.send(replyTo(query), port, address));
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  cleanUps.push(() => new Promise<void>((resolve) => socket.close(resolve)));
  const answerAll = () => {
    for (const answer of held.splice(0)) answer();
  };
  return { server: `127.0.0.1:${socket.address().port}`, received, answerAll };
}
