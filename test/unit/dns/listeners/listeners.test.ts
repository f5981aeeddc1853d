import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createDns, type Dns } from '../../../../src/dns/dns.ts';
import type { ListenerHandler } from '../../../../src/dns/listeners/query-handler.ts';
import { TcpConnections } from '../../../../src/dns/listeners/tcp-connections.ts';
import { TcpTransport } from '../../../../src/dns/listeners/tcp-transport.ts';
import { Counters } from '../../../../src/dns/metrics.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import {
  askTcp,
  askUdp,
  eventually,
  FakeNames,
  frame,
  makeEndpoint,
  makeNetwork,
  makeQuery,
  readReply,
} from '../fixture.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const names = new FakeNames();
const foo = makeNetwork('foo', '127.0.20.0/24');
const bar = makeNetwork('bar', '127.0.21.0/24');
names.set(foo, [makeEndpoint(foo, { name: 'web', ipv4: '127.0.20.2/24' })]);
names.set(bar, [makeEndpoint(bar, { name: 'web', ipv4: '127.0.21.2/24' })]);
const gateways = [
  { networkId: foo.id, address: '127.0.20.1' },
  { networkId: bar.id, address: '127.0.21.1' },
];

function open(gatewayPort = 0, listen = 'none'): Dns {
  const dns = createDns({
    directory: names,
    log: silentLogger,
    options: { listen, gatewayPort, upstreams: ['127.0.0.1:1'] },
  });
  cleanUps.push(() => dns.close());
  return dns;
}

async function addressOf(dns: Dns, address: string) {
  return eventually(() => dns.status().listeners.find((listener) => listener.address === address));
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '0.0.0.0', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

describe('listeners', () => {
  it('answer per network, over UDP and TCP on one port', async () => {
    const dns = open();
    await dns.ensureListeners(gateways);
    expect(dns.status()).toMatchObject({
      degraded: false,
      listeners: [{ state: 'listening' }, { state: 'listening' }],
    });
    for (const { address } of gateways) {
      const to = await addressOf(dns, address);
      const web = `web 5 A ${address.replace(/1$/, '2')}`;
      const udp = await askUdp(makeQuery('web'), to, { from: address.replace(/1$/, '2') });
      expect(udp && readReply(udp).answers).toEqual([web]);
      const [tcp] = await askTcp(frame(makeQuery('web')), to);
      expect(tcp && readReply(tcp).answers).toEqual([web]);
    }
  });

  it('keep their sockets when the names or the other listeners change', async () => {
    const dns = open();
    await dns.ensureListeners(gateways);
    const before = await addressOf(dns, '127.0.20.1');
    names.set(foo, names.endpointsOf(foo.id));
    await dns.ensureListeners([...gateways].slice(0, 1));
    expect(dns.status().listeners).toEqual([before]);
    await dns.ensureListeners([]);
    expect(dns.status().listeners).toEqual([]);
    expect(await askUdp(makeQuery('web'), before, { waitMs: 50 })).toBeUndefined();
  });

  it('are degraded while the port is taken, say by whom not, and recover by themselves', async () => {
    const port = await freePort();
    const squatter = createSocket('udp4');
    await new Promise<void>((resolve) => squatter.bind(port, '127.0.20.1', resolve));
    const dns = open(port);
    await dns.ensureListeners(gateways);
    expect(dns.status()).toMatchObject({
      degraded: true,
      listeners: [
        {
          address: '127.0.20.1',
          state: 'degraded',
          reason: `cannot listen on 127.0.20.1:${port}/udp: the port is taken by another program (EADDRINUSE)`,
        },
        { address: '127.0.21.1', state: 'listening' },
      ],
    });
    await new Promise<void>((resolve) => squatter.close(resolve));
    await eventually(() => !dns.status().degraded);
    const reply = await askUdp(makeQuery('web'), { address: '127.0.20.1', port });
    expect(reply && readReply(reply).rcode).toBe(0);
  });

  it('answer over UDP though TCP is taken', async () => {
    const port = await freePort();
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(port, '127.0.20.1', resolve));
    cleanUps.push(() => new Promise((resolve) => squatter.close(resolve)));
    const dns = open(port);
    await dns.ensureListeners(gateways);
    expect((await addressOf(dns, '127.0.20.1')).reason).toContain(`${port}/tcp: the port is taken`);
    const reply = await askUdp(makeQuery('web'), { address: '127.0.20.1', port });
    expect(reply && readReply(reply).rcode).toBe(0);
  });

  it('say when the address is not there', async () => {
    const dns = open();
    await dns.ensureListeners([{ networkId: foo.id, address: '192.0.2.1' }]);
    const { state, reason } = await addressOf(dns, '192.0.2.1');
    expect(state).toBe('degraded');
    expect(reason).toContain('no interface has this address (EADDRNOTAVAIL)');
  });

  it('may be closed while they are being bound or tried again', async () => {
    const dns = open();
    const opening = dns.ensureListeners([...gateways, { networkId: foo.id, address: '192.0.2.1' }]);
    await dns.ensureListeners([]);
    await opening;
    expect(dns.status().listeners).toEqual([]);
  });
});

describe('TCP', () => {
  const counters = new Counters();
  async function gateway() {
    const dns = open();
    await dns.ensureListeners(gateways);
    return addressOf(dns, '127.0.20.1');
  }

  it('answers pipelined queries, each once, whatever the pieces they come in', async () => {
    const to = await gateway();
    const queries = Array.from({ length: 50 }, (_, id) => frame(makeQuery('web', { id })));
    const replies = await askTcp(Buffer.concat(queries), to, 50);
    expect(replies.map((reply) => reply.readUInt16BE(0))).toEqual(Array.from({ length: 50 }, (_, id) => id));
    const socket = connect({ host: to.address, port: to.port });
    const first = new Promise<Buffer>((resolve) => socket.once('data', resolve));
    for (const octet of frame(makeQuery('web', { id: 77 }))) {
      socket.write(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await first).readUInt16BE(2)).toBe(77);
    socket.destroy();
  });

  it('answers what was asked before the client closed its side', async () => {
    const to = await gateway();
    const socket = connect({ host: to.address, port: to.port, allowHalfOpen: true });
    const received: Buffer[] = [];
    socket.on('data', (chunk) => received.push(chunk));
    const ended = new Promise((resolve) => socket.on('end', resolve));
    // The second is forwarded (and fails), so its answer comes after the client's FIN.
    socket.end(Buffer.concat([frame(makeQuery('web', { id: 1 })), frame(makeQuery('a.test', { id: 2 }))]));
    await ended;
    const all = Buffer.concat(received);
    const second = all.subarray(2 + all.readUInt16BE(0) + 2);
    expect([all.readUInt16BE(2), second.readUInt16BE(0), second.readUInt16BE(2) & 15]).toEqual([1, 2, 2]);
  });

  it('answers garbage with FORMERR and goes on', async () => {
    const to = await gateway();
    const garbage = makeQuery('web').subarray(0, 14);
    const replies = await askTcp(
      Buffer.concat([frame(Buffer.alloc(0)), frame(garbage), frame(makeQuery('web'))]),
      to,
      2,
    );
    expect(replies.map((reply) => reply.readUInt16BE(2) & 15)).toEqual([1, 0]);
  });

  const limits = { idleMs: 100, maxPending: 3, maxUnsent: 1000 };

  /** Askers are told apart by their addresses; the third octet is the network. */
  async function transport(respond: ListenerHandler['respond'], idleMs = limits.idleMs) {
    const admit = (from: string) => ({ asker: from, network: from.split('.')[2] ?? '' });
    const connections = new TcpConnections({ total: 16, perAsker: 4 }, counters);
    const server = new TcpTransport({ respond, admit }, connections, { ...limits, idleMs });
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    cleanUps.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const address = server.address();
    return { address: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 };
  }

  it('closes connections on which nothing moves', async () => {
    const to = await transport(() => undefined);
    expect(await askTcp(Buffer.from([0]), to)).toEqual([]);
  });

  /** A connection that is held open, and whether it still is. */
  async function hold(to: { port: number }, from: string) {
    const socket = connect({ host: '127.0.0.1', port: to.port, localAddress: from });
    cleanUps.push(() => socket.destroy());
    const held = { socket, isOpen: true };
    socket.on('error', () => {});
    socket.on('close', () => {
      held.isOpen = false;
    });
    await new Promise((resolve) => socket.once('connect', resolve));
    return held;
  }

  const openOf = (held: readonly { isOpen: boolean }[]) => held.map(({ isOpen }) => isOpen);

  it('closes the oldest idle connection of whoever opens too many, and nobody else’s', async () => {
    const before = counters.connectionOverflows.asker;
    const to = await transport((packet) => packet, 30_000);
    const other = await hold(to, '127.0.2.1');
    const held: Awaited<ReturnType<typeof hold>>[] = [];
    for (let n = 0; n < 6; n++) held.push(await hold(to, '127.0.1.1'));
    await eventually(() => held.filter(({ isOpen }) => isOpen).length === 4);
    expect(openOf(held)).toEqual([false, false, true, true, true, true]);
    expect(other.isOpen).toBe(true);
    expect(counters.connectionOverflows.asker - before).toBe(2);
    expect((await askTcp(frame(Buffer.from('one')), { address: '127.0.0.1', port: to.port })).length).toBe(1);
  });

  it('refuses one more where none is idle', async () => {
    let asked = 0;
    const never = new Promise<Buffer>(() => {});
    const to = await transport(() => {
      asked++;
      return never;
    }, 30_000);
    const held: Awaited<ReturnType<typeof hold>>[] = [];
    for (let n = 0; n < 4; n++) {
      const one = await hold(to, '127.0.1.1');
      one.socket.write(frame(Buffer.from('waiting')));
      held.push(one);
    }
    await eventually(() => asked === 4);
    const more = await hold(to, '127.0.1.1');
    await eventually(() => !more.isOpen);
    expect(openOf(held)).toEqual([true, true, true, true]);
  });

  it('leaves room for whoever comes next, however many hold connections', async () => {
    const to = await transport((packet) => packet, 30_000);
    for (let asker = 1; asker < 12; asker++) {
      for (let n = 0; n < 5; n++) await hold(to, `127.0.${asker % 3}.${asker}`);
    }
    for (const from of ['127.0.0.99', '127.0.1.99', '127.0.7.1']) {
      const { socket } = await hold(to, from);
      const answered = new Promise((resolve) => socket.once('data', resolve));
      socket.write(frame(Buffer.from('one')));
      expect(await answered).toEqual(frame(Buffer.from('one')));
    }
  });

  it('reads no further while a connection has enough queries under way', async () => {
    const waiting: (() => void)[] = [];
    const to = await transport((packet) => new Promise((resolve) => waiting.push(() => resolve(packet))));
    const replies = askTcp(
      Buffer.concat(Array.from({ length: 8 }, () => frame(Buffer.from('query')))),
      to,
      8,
    );
    await eventually(() => waiting.length === 3);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(waiting.length).toBe(3);
    for (let answered = 0; answered < 8; ) {
      await eventually(() => waiting.length > answered);
      waiting[answered++]?.();
    }
    expect((await replies).length).toBe(8);
  });

  it('lets a client that does not read wait without keeping its answers', async () => {
    let asked = 0;
    const to = await transport(() => {
      asked++;
      return Buffer.alloc(60_000);
    });
    const socket = connect({ host: to.address, port: to.port });
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.pause();
    const burst = Buffer.concat(Array.from({ length: 5000 }, () => frame(Buffer.from('q'))));
    socket.write(burst);
    await eventually(() => asked > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // What the kernel's buffers take is answered, not all 300 MB.
    expect(asked).toBeLessThan(1000);
    socket.destroy();
    await closed;
  });
});
