import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseServer } from '../../../../src/dns/askers/resolv-conf.ts';
import { askTcp, askUdp, clientSubnet, frame, makeQuery, readReply } from '../fixture.ts';
import { cleanUps, replyTo, start, upstream } from '../upstream-fixture.ts';

describe('forwarding', () => {
  it('passes the answer on: records, TTL, and the client’s ID and spelling', async () => {
    const { server, received } = await upstream((query) => replyTo(query));
    const { to, dns } = await start({ upstreams: [server] });
    const query = makeQuery('wWw.Example.test', { id: 0x4242 });
    const reply = await askUdp(query, to);
    expect(reply?.toString('hex')).toBe(replyTo(query).toString('hex'));
    expect(received[0]?.subarray(2).toString('hex')).toBe(query.subarray(2).toString('hex'));
    expect(dns.metrics()).toMatchObject({
      queries: { udp: 1 },
      forwarded: 1,
      answers: { NOERROR: 1 },
      inflight: 0,
    });
  });

  it('asks under an ID and from a port of its own each time', async () => {
    const ports = new Set<number>();
    const socket = createSocket('udp4');
    cleanUps.push(() => new Promise<void>((resolve) => socket.close(resolve)));
    const ids = new Set<number>();
    socket.on('message', (query, { port, address }) => {
      ports.add(port);
      ids.add(query.readUInt16BE(0));
      socket.send(replyTo(query), port, address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { to } = await start({ upstreams: [`127.0.0.1:${socket.address().port}`] });
    for (let n = 0; n < 20; n++) await askUdp(makeQuery('a.test', { id: 7 }), to);
    expect(ids.size).toBeGreaterThan(15);
    expect(ports.size).toBeGreaterThan(15);
  });

  it('takes no answer with another ID or to another question', async () => {
    const { server } = await upstream((query) => {
      const otherId = replyTo(query);
      otherId.writeUInt16BE(query.readUInt16BE(0) ^ 1, 0);
      const otherName = replyTo(makeQuery('b.test', { id: query.readUInt16BE(0) }), { answers: 2 });
      const otherType = replyTo(makeQuery('a.test', { id: query.readUInt16BE(0), type: 28 }), { answers: 3 });
      return [otherId, otherName, otherType, Buffer.alloc(3), query, replyTo(query)];
    });
    const { to } = await start({ upstreams: [server] });
    const reply = await askUdp(makeQuery('a.test'), to);
    expect(reply && readReply(reply).answers).toEqual(['a.test 60 A 192.0.2.7']);
  });

  it('never forwards unknown single labels or names of ours', async () => {
    const { server, received } = await upstream((query) => replyTo(query));
    const { to } = await start({ upstreams: [server] });
    for (const name of ['nope', 'nope.foo', 'web', '9.19.0.127.in-addr.arpa', '_80._tcp.nope']) {
      const reply = await askUdp(makeQuery(name), to);
      expect(reply && readReply(reply).rcode).toBe(3);
    }
    // One that is forwarded comes after them, so nothing is still on its way.
    await askUdp(makeQuery('a.test'), to);
    expect(received.length).toBe(1);
  });

  it('forwards single labels with forwardSingleLabel', async () => {
    const { server, received } = await upstream((query) => replyTo(query, { rcode: 3 }));
    const { to } = await start({ upstreams: [server], forwardSingleLabel: true });
    const reply = await askUdp(makeQuery('nope'), to);
    expect(reply && readReply(reply)).toMatchObject({ rcode: 3, flags: new Set(['qr', 'rd', 'ra']) });
    expect(received.length).toBe(1);
  });

  it('tells upstream nothing of the client: of its EDNS only the size of ours and DO goes', async () => {
    const { server, received } = await upstream((query) => replyTo(query));
    const { to } = await start({ upstreams: [server] });
    const options = clientSubnet([127, 0, 19, 2]);
    await askUdp(makeQuery('a.test', { edns: 4096, ednsFlags: 0x8000, options }), to);
    expect(received[0]?.subarray(12 + 8 + 4).toString('hex')).toBe('0000' + '2904d0000080000000');
  });
});

describe('upstreams that do not help', () => {
  it('SERVFAIL in time when the upstream is silent', async () => {
    const { server } = await upstream(() => undefined);
    const { to, dns } = await start({ upstreams: [server], tryMs: 150 });
    const before = performance.now();
    const reply = await askUdp(makeQuery('a.test', { edns: 1232 }), to);
    expect(reply && readReply(reply)).toMatchObject({ rcode: 2, answers: [], additionals: ['OPT 1232'] });
    expect(performance.now() - before).toBeLessThan(2000);
    expect(dns.metrics()).toMatchObject({ forwardFailures: 1, answers: { SERVFAIL: 1 } });
  });

  it('gives up after totalMs, however many servers there are', async () => {
    const silent = await Promise.all([1, 2, 3].map(() => upstream(() => undefined)));
    const { to } = await start({ upstreams: silent.map(({ server }) => server), tryMs: 150, totalMs: 200 });
    const reply = await askUdp(makeQuery('a.test'), to);
    expect(reply && readReply(reply).rcode).toBe(2);
    // A late timer may leave no time for the second; there is none for the third.
    const asked = silent.map(({ received }) => received.length);
    expect([asked[0], asked[2]]).toEqual([1, 0]);
  });

  it('SERVFAIL at once when there is none, or when nobody listens there', async () => {
    for (const upstreams of [[], ['127.0.0.1:1']]) {
      const directory = mkdtempSync(join(tmpdir(), 'flt-'));
      cleanUps.push(() => rmSync(directory, { recursive: true }));
      const resolvConf = join(directory, 'resolv.conf');
      const { to } = await start({ upstreams, resolvConf });
      const reply = await askUdp(makeQuery('a.test'), to, { waitMs: 1000 });
      expect(reply && readReply(reply).rcode).toBe(2);
    }
  });

  it.each([1, 2, 4, 5])('asks the next after RCODE %i', async (rcode) => {
    const bad = await upstream((query) => replyTo(query, { rcode }));
    const good = await upstream((query) => replyTo(query));
    const { to } = await start({ upstreams: [bad.server, good.server] });
    const reply = await askUdp(makeQuery('a.test'), to);
    expect(reply && readReply(reply).answers).toEqual(['a.test 60 A 192.0.2.7']);
    expect(bad.received.length).toBe(1);
  });

  it('passes the last refusal on when all refuse, also one without the question', async () => {
    const one = await upstream((query) => replyTo(query, { rcode: 2 }));
    const two = await upstream((query) => {
      const bare = Buffer.from(query.subarray(0, 12));
      bare.writeUInt32BE(0x81850000, 2);
      return bare;
    });
    const { to } = await start({ upstreams: [one.server, two.server] });
    const reply = await askUdp(makeQuery('a.test'), to);
    expect(reply && readReply(reply).rcode).toBe(5);
    expect(reply?.readUInt16BE(4)).toBe(1);
  });

  it('takes NXDOMAIN for an answer', async () => {
    const no = await upstream((query) => replyTo(query, { rcode: 3 }));
    const yes = await upstream((query) => replyTo(query));
    const { to } = await start({ upstreams: [no.server, yes.server] });
    const reply = await askUdp(makeQuery('a.test'), to);
    expect(reply && readReply(reply).rcode).toBe(3);
    expect(yes.received.length).toBe(0);
  });

  it('never asks itself', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'flt-'));
    cleanUps.push(() => rmSync(directory, { recursive: true }));
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(resolve));
    const { to, dns } = await start({ listen: `127.0.0.1:${port}`, upstreams: [`127.0.0.1:${port}`] });
    const reply = await askUdp(makeQuery('a.test'), to);
    expect(reply && readReply(reply).rcode).toBe(2);
    expect(dns.metrics().queries.udp).toBe(1);
    expect(dns.status().upstreams).toEqual([]);
  });
});

describe('large answers', () => {
  /** Truncates over UDP; over TCP sends 100 records. */
  async function truncating() {
    const { server, received } = await upstream((query) => replyTo(query, { answers: 0, flags: 0x0200 }));
    const tcp: Server = createServer((socket) => {
      socket.on('data', (chunk) => socket.write(frame(replyTo(chunk.subarray(2), { answers: 100 }))));
      socket.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => tcp.listen(parseServer(server).port, '127.0.0.1', resolve));
    cleanUps.push(() => new Promise((resolve) => tcp.close(resolve)));
    return { server, received };
  }

  it('pass TC on to a client on UDP, and fetch over TCP for one on TCP', async () => {
    const { to } = await start({ upstreams: [(await truncating()).server] });
    const short = await askUdp(makeQuery('a.test'), to);
    expect(short && readReply(short)).toMatchObject({
      rcode: 0,
      answers: [],
      flags: new Set(['qr', 'tc', 'rd', 'ra']),
    });
    const [whole] = await askTcp(frame(makeQuery('a.test')), to);
    expect(whole && readReply(whole)).toMatchObject({ rcode: 0, flags: new Set(['qr', 'rd', 'ra']) });
    expect(whole?.readUInt16BE(6)).toBe(100);
  });

  it('are cut to TC where the client takes less than came', async () => {
    const { server } = await upstream((query) => replyTo(query, { answers: 60 }));
    const { to } = await start({ upstreams: [server] });
    const plain = await askUdp(makeQuery('a.test'), to);
    expect(plain && readReply(plain)).toMatchObject({
      answers: [],
      flags: new Set(['qr', 'tc', 'rd', 'ra']),
    });
    const edns = await askUdp(makeQuery('a.test', { edns: 1232 }), to);
    expect(edns?.readUInt16BE(6)).toBe(60);
  });
});
