import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createDns } from '../../../../src/dns/dns.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import {
  askUdp,
  FakeNames,
  makeEndpoint,
  makeHandler,
  makeNetwork,
  makeQuery,
  readReply,
} from '../fixture.ts';

const names = new FakeNames();
const foo = makeNetwork('foo', '127.0.18.0/24');
names.set(foo, [
  makeEndpoint(foo, {
    name: 'web',
    ipv4: '127.0.18.2/24',
    aliases: ['*.apps'],
    ports: [{ protocol: 'tcp', port: 80 }],
  }),
]);

const runs = 50_000;
const name = fc.constantFrom(
  'web',
  'WEB.foo',
  'a.apps',
  '_80._tcp.web',
  '2.18.0.127.in-addr.arpa',
  'nope',
  'foo',
);
const query = fc
  .record({ name, type: fc.nat(300), id: fc.nat(65535), edns: fc.option(fc.nat(65535), { nil: undefined }) })
  .map(({ name: asked, edns, ...fields }) =>
    makeQuery(asked, edns === undefined ? fields : { ...fields, edns }),
  );
/** Of a query: a few octets changed, cut short, or followed by others. */
const mutated = fc
  .tuple(
    query,
    fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }),
    fc.nat(80),
    fc.uint8Array({ maxLength: 20 }),
  )
  .map(([packet, changes, length, extra]) => {
    const copy = Buffer.concat([packet.subarray(0, 12 + length), extra]);
    for (const [at, octet] of changes) if (at < copy.length) copy[at] = octet;
    return copy;
  });
const random = fc.uint8Array({ maxLength: 600 }).map((octets) => Buffer.from(octets));

/** What every answer must be, whatever the question: its ID, a response, and whole to another decoder. */
function checkAnswer(packet: Buffer, reply: Buffer | undefined): void {
  const isResponse = packet.length > 2 && ((packet[2] ?? 0) & 0x80) !== 0;
  if (packet.length < 2 || isResponse) {
    expect(reply).toBeUndefined();
    return;
  }
  // A name that is forwarded is answered later.
  if (!reply) {
    expect(packet.length).toBeGreaterThan(12);
    return;
  }
  expect(reply.length).toBeLessThanOrEqual(1232);
  expect(reply.subarray(0, 2)).toEqual(packet.subarray(0, 2));
  const { rcode, flags, answers } = readReply(reply);
  expect(flags.has('qr')).toBe(true);
  expect([0, 1, 3, 4, 5]).toContain(rcode);
  expect(answers.length).toBe(reply.readUInt16BE(6));
  // All that there is to say: one address, one pointer, one port, one SOA.
  for (const answer of answers)
    expect(answer).toMatch(/ 5 (A 127\.0\.18\.2|PTR web\.foo|SRV 80 \S+|SOA fairlead)$/);
  if (rcode === 1 || rcode === 4) expect(reply.length).toBeLessThanOrEqual(packet.length + 12);
}

it(`answers ${2 * runs} random, cut and mutated packets, or refuses them, and throws at none`, () => {
  const { answer, counters } = makeHandler(names);
  const arrival = {
    listener: { kind: 'gateway', networkId: foo.id },
    from: '127.0.18.2',
    transport: 'udp',
  } as const;
  for (const packets of [mutated, random]) {
    fc.assert(
      fc.property(packets, (packet) => {
        checkAnswer(packet, answer(packet, arrival));
      }),
      { numRuns: runs },
    );
  }
  expect(counters.udp).toBe(2 * runs);
}, 120_000);

it('goes on answering on a socket that is fed garbage', async () => {
  const dns = createDns({
    directory: names,
    log: silentLogger,
    options: { listen: 'none', upstreams: ['127.0.0.1:9'], gatewayPort: 0 },
  });
  await dns.ensureListeners([{ networkId: foo.id, address: '127.0.18.1' }]);
  const [listener] = dns.status().listeners;
  const to = { address: '127.0.18.1', port: listener?.port ?? 0 };
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, random), async (packet) => {
      // What is forwarded or dropped is not waited for: the next query tells whether the server lives.
      await askUdp(packet, to, { from: '127.0.18.2', waitMs: 1 });
    }),
    { numRuns: 300 },
  );
  const reply = await askUdp(makeQuery('web'), to, { from: '127.0.18.2' });
  expect(reply && readReply(reply).answers).toEqual(['web 5 A 127.0.18.2']);
  await dns.close();
}, 60_000);
