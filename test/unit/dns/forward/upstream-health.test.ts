import { createSocket } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import { askTcp, askUdp, eventually, frame, makeQuery, readReply, wireName } from '../fixture.ts';
import { cleanUps, isRootQuestion, replyTo, start, upstream } from '../upstream-fixture.ts';

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

  /** Answers after so many milliseconds. */
  async function slowUpstream(delayOf: (query: Buffer) => number): Promise<string> {
    const socket = createSocket('udp4');
    const answers = new Set<NodeJS.Timeout>();
    socket.on('message', (query, { port, address }) => {
      const send = () => socket.send(replyTo(query), port, address);
      answers.add(setTimeout(send, delayOf(query)));
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    cleanUps.push(async () => {
      for (const answer of answers) clearTimeout(answer);
      await new Promise<void>((resolve) => socket.close(resolve));
    });
    return `127.0.0.1:${socket.address().port}`;
  }

  it('the first alone, though it takes its time for a name: the next may deny it', async () => {
    const first = await slowUpstream((query) => (isFor('slow.test')(query) ? 900 : 0));
    const second = await upstream((query) => replyTo(query, { rcode: 3 }));
    const { to } = await start({ upstreams: [first, second.server] });
    const reply = await askUdp(makeQuery('slow.test'), to);
    expect(reply && readReply(reply).rcode).toBe(0);
    expect(second.received).toEqual([]);
  });

  it('the next as well as one in doubt, whose answer is taken when it comes after all', async () => {
    const first = await slowUpstream(() => 800);
    const second = await upstream(() => undefined);
    const { to } = await start({ upstreams: [first, second.server] });
    const asked = performance.now();
    const reply = await askUdp(makeQuery('a.test'), to);
    expect(reply && readReply(reply).rcode).toBe(0);
    expect(performance.now() - asked).toBeLessThan(1800);
    expect(second.received.length).toBe(1);
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
