import { describe, expect, it } from 'vitest';
import { limitsOf } from '../../../../src/dns/askers/limits.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { askUdp, clientSubnet, eventually, makeQuery, readReply } from '../fixture.ts';
import { holdingUpstream, start } from '../upstream-fixture.ts';

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
