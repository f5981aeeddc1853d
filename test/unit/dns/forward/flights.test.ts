import { describe, expect, it } from 'vitest';
import { Flights } from '../../../../src/dns/forward/flights.ts';
import { parseQuery } from '../../../../src/dns/wire/question.ts';
import { askUdp, eventually, makeQuery, readReply } from '../fixture.ts';
import { holdingUpstream, start } from '../upstream-fixture.ts';

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
