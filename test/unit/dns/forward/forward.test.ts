import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Network } from '../../../../src/cluster/records.ts';
import { mayForward } from '../../../../src/dns/askers/asker.ts';
import { limitsOf } from '../../../../src/dns/askers/limits.ts';
import { parseResolvConf, parseServer } from '../../../../src/dns/askers/resolv-conf.ts';
import { Views } from '../../../../src/dns/askers/views.ts';
import { createDns, type Dns, type DnsOptions } from '../../../../src/dns/dns.ts';
import { Flights } from '../../../../src/dns/forward/flights.ts';
import { UpstreamHealth } from '../../../../src/dns/forward/upstream-health.ts';
import { Upstreams } from '../../../../src/dns/forward/upstreams.ts';
import { NameTable } from '../../../../src/dns/names/name-table.ts';
import { parseQuery } from '../../../../src/dns/wire/question.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import {
  askTcp,
  askUdp,
  clientSubnet,
  eventually,
  FakeNames,
  frame,
  makeEndpoint,
  makeNetwork,
  makeQuery,
  readReply,
  wireName,
} from '../fixture.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface FakeUpstream {
  readonly server: string;
  /** But for probes, which ask for the root's servers. */
  readonly received: Buffer[];
}

function isRootQuestion(query: Buffer): boolean {
  return query[12] === 0;
}

/** A UDP server that answers as told: a list is sent one after the other, undefined is silence. */
async function upstream(
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
function replyTo(query: Buffer, fields: { rcode?: number; answers?: number; flags?: number } = {}): Buffer {
  const { rcode = 0, answers = rcode === 0 ? 1 : 0, flags = 0 } = fields;
  const end = query.indexOf(0, 12) + 5;
  const reply = Buffer.concat([query.subarray(0, end), ...Array<Buffer>(answers).fill(record)]);
  reply.writeUInt16BE(0x8180 | flags | rcode, 2);
  reply.writeUInt16BE(answers, 6);
  reply.writeUInt16BE(0, 10);
  return reply;
}

async function start(options: DnsOptions): Promise<{ dns: Dns; to: { address: string; port: number } }> {
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
    expect(silent.map(({ received }) => received.length)).toEqual([1, 1, 0]);
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

describe('which upstream is asked first', () => {
  const isFor = (name: string) => (query: Buffer) => query.includes(wireName(name));

  it('the next after tryMs, and a silent one last from then on, until it answers a probe', async () => {
    let isSilent = true;
    const first = await upstream((query) => (isSilent ? undefined : replyTo(query)));
    const good = await upstream((query) => replyTo(query));
    const { to, dns } = await start({ upstreams: [first.server, good.server], tryMs: 100 });
    const ask = async () => {
      const reply = await askUdp(makeQuery('a.test'), to);
      expect(reply && readReply(reply).rcode).toBe(0);
    };
    await ask();
    await eventually(() => dns.status().upstreams[0] === good.server);
    const before = first.received.length;
    for (let n = 0; n < 20; n++) await ask();
    expect(first.received.length).toBe(before);
    isSilent = false;
    // Nobody asks meanwhile.
    await eventually(() => dns.status().upstreams[0] === first.server);
  });

  it('the first still, though it leaves one name open: nothing else is asked elsewhere', async () => {
    const first = await upstream((query) => (isFor('hole.test')(query) ? undefined : replyTo(query)));
    const second = await upstream((query) => replyTo(query, { rcode: 3 }));
    const { to, dns } = await start({ upstreams: [first.server, second.server], tryMs: 100 });
    for (let n = 0; n < 5; n++) {
      const [open, other] = await Promise.all(
        ['hole.test', 'a.test'].map((name) => askUdp(makeQuery(name), to)),
      );
      expect([open && readReply(open).rcode, other && readReply(other).rcode]).toEqual([3, 0]);
      const after = await askUdp(makeQuery('b.test'), to);
      expect(after && readReply(after).rcode).toBe(0);
      expect(dns.status().upstreams).toEqual([first.server, second.server]);
    }
    expect(second.received.every(isFor('hole.test'))).toBe(true);
  });

  it.each([
    [
      'answers nothing but the root’s servers any more',
      (query: Buffer, n: number) => n === 0 || isRootQuestion(query),
    ],
    ['leaves the root’s servers open', (query: Buffer) => isFor('a.test')(query)],
  ])('the first still, though it %s', async (_what, answers) => {
    let asked = 0;
    const first = await upstream((query) => (answers(query, asked++) ? replyTo(query) : undefined));
    const second = await upstream((query) => replyTo(query));
    const { to, dns } = await start({ upstreams: [first.server, second.server], tryMs: 100 });
    await askUdp(makeQuery('a.test'), to);
    await askUdp(makeQuery('hole.test'), to);
    expect(second.received.length).toBe(1);
    const end = performance.now() + 1500;
    while (performance.now() < end) {
      expect(dns.status().upstreams[0]).toBe(first.server);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it('the next as well, soon, while it is found out that the first is dead: nobody waits long for that', async () => {
    const dead = await upstream(() => undefined);
    const good = await upstream((query) => replyTo(query));
    const { to, dns } = await start({ upstreams: [dead.server, good.server] });
    const took: number[] = [];
    const ask = async (name: string) => {
      const asked = performance.now();
      const reply = await askUdp(makeQuery(name), to);
      expect(reply && readReply(reply).rcode).toBe(0);
      took.push(performance.now() - asked);
    };
    const asking: Promise<void>[] = [];
    for (let n = 0; dns.status().upstreams[0] === dead.server; n++) {
      asking.push(ask(`a${n}.test`));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    await Promise.all(asking);
    expect(took.length).toBeGreaterThan(20);
    expect(Math.max(...took)).toBeLessThan(1000);
  });

  it('the first alone, though it takes its time for a name: the next may deny it', async () => {
    const slow = isFor('slow.test');
    const socket = createSocket('udp4');
    socket.on('message', (query, { port, address }) => {
      setTimeout(() => socket.send(replyTo(query), port, address), slow(query) ? 900 : 0);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    cleanUps.push(() => new Promise<void>((resolve) => socket.close(resolve)));
    const second = await upstream((query) => replyTo(query, { rcode: 3 }));
    const { to } = await start({ upstreams: [`127.0.0.1:${socket.address().port}`, second.server] });
    const reply = await askUdp(makeQuery('slow.test'), to);
    expect(reply && readReply(reply).rcode).toBe(0);
    expect(second.received).toEqual([]);
  });

  it('the first still, though it takes no TCP', async () => {
    const first = await upstream((query) => replyTo(query, { answers: 0, flags: 0x0200 }));
    const second = await upstream((query) => replyTo(query));
    const { to, dns } = await start({ upstreams: [first.server, second.server] });
    const [reply] = await askTcp(frame(makeQuery('a.test')), to);
    expect(reply && readReply(reply).answers).toEqual(['a.test 60 A 192.0.2.7']);
    expect(dns.status().upstreams).toEqual([first.server, second.server]);
  });

  it('all of them, when all are dead', async () => {
    let isSilent = true;
    const only = await upstream((query) => (isSilent ? undefined : replyTo(query)));
    const { to, dns } = await start({ upstreams: [only.server, '127.0.0.1:1'], tryMs: 50 });
    await askUdp(makeQuery('a.test'), to);
    await new Promise((resolve) => setTimeout(resolve, 1300));
    isSilent = false;
    const reply = await askUdp(makeQuery('b.test'), to);
    expect(reply && readReply(reply).rcode).toBe(0);
    expect(dns.status().upstreams[0]).toBe(only.server);
  });
});

/** A UDP server that keeps what it is asked until `answerAll`. */
async function holdingUpstream() {
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

describe('a question that is under way', () => {
  it('is asked once, and each asker gets the answer under its own ID and spelling', async () => {
    const { server, received, answerAll } = await holdingUpstream();
    const { to, dns } = await start({ upstreams: [server] });
    const spellings = ['a.test', 'A.Test', 'a.TEST'];
    const asked = spellings.map((name, n) => askUdp(makeQuery(name, { id: n + 1 }), to));
    await eventually(() => dns.metrics().inflight === 3);
    // Another type, DO and CD are other questions.
    const others = [{ type: 28 }, { edns: 1232, ednsFlags: 0x8000 }, { flags: 0x0110 }];
    const different = others.map((fields) => askUdp(makeQuery('a.test', fields), to));
    await eventually(() => received.length === 4 && dns.metrics().inflight === 6);
    answerAll();
    const replies = await Promise.all(asked);
    await Promise.all(different);
    expect(replies.map((reply) => reply?.readUInt16BE(0))).toEqual([1, 2, 3]);
    expect(replies.map((reply) => reply && readReply(reply).answers)).toEqual(
      spellings.map((name) => [`${name} 60 A 192.0.2.7`]),
    );
    expect(received.length).toBe(4);
    // It is forgotten with its answer.
    const again = askUdp(makeQuery('a.test'), to);
    await eventually(() => received.length === 5);
    answerAll();
    expect((await again)?.length).toBeGreaterThan(12);
  });

  it('goes round once between two daemons that forward to each other, and is SERVFAIL in time', async () => {
    const port = 20_000 + (process.pid % 10_000);
    const [one, other] = [`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`];
    const limits = { tryMs: 300, totalMs: 600 };
    const first = await start({ listen: one, upstreams: [other], ...limits });
    const second = await start({ listen: other, upstreams: [one], ...limits });
    const began = performance.now();
    const reply = await askUdp(makeQuery('loop.test'), first.to);
    expect(reply && readReply(reply).rcode).toBe(2);
    expect(performance.now() - began).toBeLessThan(2000);
    // The client's; the one that came back; and those of the probes, which are few.
    expect(first.dns.metrics().queries.udp).toBeLessThan(20);
    expect(second.dns.metrics().queries.udp).toBeLessThan(20);
    expect(first.dns.metrics().forwardOverflows).toEqual({ asker: 0, network: 0, total: 0 });
  });

  it('is SERVFAIL at once for the very server that is asked it, unless that is on this host', () => {
    const query = parseQuery(makeQuery('loop.test'));
    if (typeof query !== 'object') throw new Error('no query');
    const flights = new Flights((address) => address === '192.0.2.1');
    const servers = ['192.0.2.1', '192.0.2.2'].map((address) => ({ address, port: 53 }));
    const question = { query, transport: 'udp', servers } as const;
    expect(flights.loopOf({ ...question, from: '192.0.2.2' })).toBeUndefined();
    void flights.answerTo(question, () => new Promise(() => {}));
    expect(flights.loopOf({ ...question, from: '192.0.2.2' })).toBe(servers[1]);
    expect(flights.loopOf({ ...question, from: '192.0.2.1' })).toBeUndefined();
    expect(flights.loopOf({ ...question, from: '192.0.2.3' })).toBeUndefined();
    expect(flights.loopOf(question)).toBeUndefined();
  });
});

describe('servers of a container’s own (--dns)', () => {
  function withServers(servers: string[], networkFields: Partial<Network>) {
    const names = new FakeNames();
    const foo = { ...makeNetwork('foo', '172.18.0.0/24'), ...networkFields };
    const bar = makeNetwork('bar', '172.19.0.0/24');
    names.set(bar, []);
    names.set(foo, [
      makeEndpoint(foo, { name: 'own', ipv4: '172.18.0.2/24', servers }),
      makeEndpoint(foo, { name: 'plain', ipv4: '172.18.0.3/24' }),
    ]);
    const table = new NameTable(names);
    cleanUps.push(() => table.close());
    const views = new Views(table);
    return { own: views.onBehalfOf('172.18.0.2'), plain: views.onBehalfOf('172.18.0.3') };
  }

  it.each<readonly [string, string[], Partial<Network>, string[]]>([
    [
      'of its networks and beyond, in their order',
      ['192.0.2.9', '172.18.0.7'],
      {},
      ['192.0.2.9', '172.18.0.7'],
    ],
    ['never on another network', ['172.19.0.7', '192.0.2.9'], {}, ['192.0.2.9']],
    [
      'on internal networks only those on them',
      ['192.0.2.9', '172.18.0.7'],
      { internal: true },
      ['172.18.0.7'],
    ],
    ['none', ['192.0.2.9'], { internal: true }, []],
  ])('are asked as it could itself: %s', (_what, servers, network, expected) => {
    const { own, plain } = withServers(servers, network);
    expect(own?.servers?.map(({ address }) => address)).toEqual(expected);
    expect(own && mayForward(own)).toBe(expected.length > 0);
    expect(plain?.servers).toBeUndefined();
  });

  it('on loopback are its own, not the host’s', () => {
    const names = new FakeNames();
    const foo = makeNetwork('foo', '172.18.0.0/16');
    names.set(foo, [
      makeEndpoint(foo, { name: 'own', ipv4: '172.18.0.2/16', servers: ['127.0.0.1', '::1'] }),
    ]);
    const views = new Views(new NameTable(names));
    const own = [{ address: '172.18.0.2', port: 53 }];
    expect(views.onGateway(foo.id, '172.18.0.2')?.servers).toEqual(own);
    expect(views.asContainer(names.endpointsOf(foo.id)[0]?.containerId ?? '').servers).toEqual(own);
  });
});

describe('shares of --dns-max-inflight', () => {
  async function holding(maxInflight: number) {
    const { server, received, answerAll } = await holdingUpstream();
    const started = await start({ upstreams: [server], maxInflight });
    let asked = 0;
    /** Of the container with this address, or of the host; another name each time, as equal questions are asked once. */
    const ask = (last?: number) => {
      const options = last === undefined ? {} : { edns: 1232, options: clientSubnet([127, 0, 19, last]) };
      return askUdp(makeQuery(`a${asked++}.test`, options), started.to);
    };
    return { ...started, received, answerAll, ask };
  }

  it('one asker has an eighth: SERVFAIL at once beyond, others and own names are not held up', async () => {
    const { dns, to, received, answerAll, ask } = await holding(16);
    const held = [ask(2), ask(2)];
    await eventually(() => received.length === 2);
    const beyond = await ask(2);
    expect(beyond && readReply(beyond).rcode).toBe(2);
    const own = await askUdp(makeQuery('web.foo'), to);
    expect(own && readReply(own).answers).toEqual(['web.foo 5 A 127.0.19.2']);
    held.push(ask());
    await eventually(() => received.length === 3);
    expect(dns.metrics()).toMatchObject({
      forwarded: 3,
      forwardOverflows: { asker: 1, network: 0, total: 0 },
      inflight: 3,
    });
    answerAll();
    for (const reply of await Promise.all(held)) expect(reply && readReply(reply).rcode).toBe(0);
    expect(dns.metrics().inflight).toBe(0);
  });

  it('the host has half', async () => {
    const { dns, received, answerAll, ask } = await holding(8);
    const held = Array.from({ length: 4 }, () => ask());
    await eventually(() => received.length === 4);
    const beyond = await ask();
    expect(beyond && readReply(beyond).rcode).toBe(2);
    expect(dns.metrics().forwardOverflows).toEqual({ asker: 0, network: 1, total: 0 });
    answerAll();
    await Promise.all(held);
  });
});

describe('limitsOf', () => {
  it('takes no more than a quarter of the files that the process may open, and says so', () => {
    const said: string[] = [];
    const log = { ...silentLogger, warn: (text: unknown) => said.push(String(text)) };
    expect(limitsOf(1024, log, 1_048_576)).toEqual({
      forwards: { total: 1024, perAsker: 128 },
      connections: { total: 1024, perAsker: 32 },
    });
    expect(said).toEqual([]);
    expect(limitsOf(1024, log, 1024)).toEqual({
      forwards: { total: 256, perAsker: 32 },
      connections: { total: 256, perAsker: 32 },
    });
    expect(said).toEqual([
      expect.stringMatching(/^dns: of 1024 forwarded queries .* 256 are used: .* 1024 files open/),
    ]);
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

describe('resolv.conf', () => {
  it('is read as people write it', () => {
    const text = [
      '# nameserver 192.0.2.9',
      ';nameserver 192.0.2.9',
      '\tnameserver\t192.0.2.1   # home',
      'NameServer 2001:db8::1',
      'nameserver not-an-address',
      'nameserver',
      'search example.com',
      'options ndots:0 edns0',
      'nameserver fe80::1%eth0;x\r',
      'nameserver 192.0.2.4',
    ].join('\n');
    expect(parseResolvConf(text)).toEqual([
      { address: '192.0.2.1', port: 53 },
      { address: '2001:db8::1', port: 53 },
      { address: 'fe80::1%eth0', port: 53 },
    ]);
    expect(parseResolvConf('')).toEqual([]);
  });

  it('is read again when it changed, and remembered while it is away', () => {
    const directory = mkdtempSync(join(tmpdir(), 'flt-'));
    cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
    const resolvConf = join(directory, 'resolv.conf');
    let now = 0;
    const upstreams = new Upstreams(
      { resolvConf },
      () => false,
      new UpstreamHealth(() => {}),
      () => now,
    );
    expect(upstreams.all()).toEqual([]);
    writeFileSync(resolvConf, 'nameserver 192.0.2.1\n');
    expect(upstreams.all()).toEqual([]);
    now += 5000;
    expect(upstreams.all()).toEqual([{ address: '192.0.2.1', port: 53 }]);
    rmSync(resolvConf);
    now += 5000;
    expect(upstreams.all()).toEqual([{ address: '192.0.2.1', port: 53 }]);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1', 53],
    ['192.0.2.1:5353', '192.0.2.1', 5353],
    ['192.0.2.1#5353', '192.0.2.1', 5353],
    ['2001:db8::1', '2001:db8::1', 53],
    ['[2001:db8::1]', '2001:db8::1', 53],
    ['[2001:db8::1]:5353', '2001:db8::1', 5353],
    ['2001:db8::1#5353', '2001:db8::1', 5353],
  ])('--dns %s', (text, address, port) => {
    expect(parseServer(text)).toEqual({ address, port });
  });

  it.each(['', 'localhost', '192.0.2.1:', '192.0.2.1:x', '192.0.2.1:70000', '192.0.2', '[192.0.2.1'])(
    '--dns %s is refused',
    (text) => {
      expect(() => parseServer(text)).toThrow(`invalid DNS server ${text}: expected ADDRESS[:PORT]`);
    },
  );
});
