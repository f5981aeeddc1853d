import { beforeEach, describe, expect, it } from 'vitest';
import type { Network } from '../../../../src/cluster/records.ts';
import { reverseName } from '../../../../src/lib/addresses.ts';
import {
  type Asked,
  clientSubnet,
  FakeNames,
  makeEndpoint,
  makeHandler,
  makeNetwork,
  makeQuery,
  nextId,
  type QuestionFields,
  type Reply,
  readReply,
  wireName,
} from '../fixture.ts';

const type = {
  A: 1,
  NS: 2,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  HTTPS: 65,
  AXFR: 252,
  ANY: 255,
};

let names: FakeNames;
let foo: Network;
let udp: Asked;
let tcp: Asked;
let answer: ReturnType<typeof makeHandler>['answer'];

beforeEach(() => {
  names = new FakeNames();
  foo = makeNetwork('foo', '172.18.0.0/16', 'fd00:18::/64');
  const shared = { serviceId: nextId(), aliases: ['big'], ports: [{ protocol: 'tcp', port: 5432 } as const] };
  names.set(foo, [
    makeEndpoint(foo, { name: 'my-service', containerId: nextId('aa'), ipv4: '172.18.0.2/16' }),
    makeEndpoint(foo, { name: 'six', ipv6: 'fd00:18::6/64' }),
    makeEndpoint(foo, { name: 'db', containerName: 'db1', ...shared, ipv4: '172.18.1.1/16' }),
    makeEndpoint(foo, { name: 'db', containerName: 'db2', ...shared, ipv4: '172.18.1.2/16' }),
    ...Array.from({ length: 58 }, (_, n) =>
      makeEndpoint(foo, { name: `n${n}`, aliases: ['big'], ipv4: `172.18.2.${n + 1}/16` }),
    ),
    makeEndpoint(foo, {
      name: 'web',
      ipv4: '172.18.3.1/16',
      ipv6: 'fd00:18::31/64',
      ports: [{ protocol: 'tcp', port: 80 }],
    }),
  ]);
  const listener = { kind: 'gateway', networkId: foo.id } as const;
  udp = { listener, from: '172.18.0.2', transport: 'udp' };
  tcp = { ...udp, transport: 'tcp' };
  answer = makeHandler(names).answer;
});

function ask(name: string, fields: QuestionFields = {}, arrival = udp): Reply {
  const reply = answer(makeQuery(name, fields), arrival);
  if (!reply) throw new Error(`no answer for ${name}`);
  return readReply(reply);
}

const own = new Set(['qr', 'aa', 'rd', 'ra']);

describe('answers, octet by octet', () => {
  it('A: header, the question as asked, the owner by pointer', () => {
    const query = makeQuery('My-Service', { id: 0xbeef });
    expect(answer(query, udp)?.toString('hex')).toBe(
      ['beef', '8580', '0001', '0001', '0000', '0000'].join('') +
        query.subarray(12).toString('hex') +
        ['c00c', '0001', '0001', '00000005', '0004', 'ac120002'].join(''),
    );
  });

  it('SOA of an empty answer points into the question', () => {
    const reply = answer(makeQuery('my-service.FOO', { type: type.AAAA }), udp)?.toString('hex') ?? '';
    const soa = reply.slice(2 * (12 + 20));
    // `FOO` is at offset 12 + 11; the mailbox ends in the primary's name.
    expect(soa.slice(0, 20)).toBe(['c017', '0006', '0001', '00000005'].join(''));
    expect(soa.slice(24, 24 + 20 + 22 + 4)).toBe(
      `08${Buffer.from('fairlead').toString('hex')}00${'0a'}${Buffer.from('hostmaster').toString('hex')}c02c`.slice(
        0,
        46,
      ),
    );
  });
});

describe('flags', () => {
  it('copies RD and CD, sets AA and RA, drops AD and Z', () => {
    expect(ask('my-service').flags).toEqual(own);
    expect(ask('my-service', { flags: 0 }).flags).toEqual(new Set(['qr', 'aa', 'ra']));
    expect(ask('my-service', { flags: 0x0170 }).flags).toEqual(new Set([...own, 'cd']));
  });

  it.each([0, 1, 5, 600])('gives TTL %i', (ttl) => {
    const reply = makeHandler(names, { ttl }).answer(makeQuery('my-service'), udp);
    expect(reply && readReply(reply).answers).toEqual([`my-service ${ttl} A 172.18.0.2`]);
  });
});

describe('types', () => {
  it.each([
    ['my-service', type.A, ['my-service 5 A 172.18.0.2']],
    ['six', type.AAAA, ['six 5 AAAA fd00:18::6']],
    ['web.foo', type.AAAA, ['web.foo 5 AAAA fd00:18::31']],
    ['web', type.ANY, ['web 5 A 172.18.3.1']],
    ['six', type.ANY, ['six 5 AAAA fd00:18::6']],
    [reverseName('172.18.0.2'), type.PTR, [`${reverseName('172.18.0.2')} 5 PTR my-service.foo`]],
    [reverseName('fd00:18::31'), type.PTR, [`${reverseName('fd00:18::31')} 5 PTR web.foo`]],
    [reverseName('172.18.0.2'), type.ANY, [`${reverseName('172.18.0.2')} 5 PTR my-service.foo`]],
    ['foo', type.SOA, ['foo 5 SOA fairlead']],
  ])('%s type %i', (name, asked, expected) => {
    const reply = ask(name, { type: asked });
    expect(reply).toMatchObject({
      rcode: 0,
      flags: own,
      answers: expected,
      authorities: [],
      additionals: [],
    });
  });

  it('confirms each PTR by an A of the same address', () => {
    for (const { ipv4 = '' } of names.endpointsOf(foo.id).filter((endpoint) => endpoint.ipv4)) {
      const address = ipv4.split('/')[0] ?? '';
      const [ptr] = ask(reverseName(address), { type: type.PTR }).answers;
      const name = ptr?.split(' ').at(-1) ?? '';
      expect(ask(name, {}, tcp).answers).toContain(`${name} 5 A ${address}`);
    }
  });

  it.each([
    ['my-service', type.AAAA],
    ['six', type.A],
    ['my-service', type.TXT],
    ['my-service', type.HTTPS],
    ['my-service', type.NS],
    ['my-service', 0],
    ['my-service', 65280],
    ['foo', type.A],
  ])('%s type %i exists without such records', (name, asked) => {
    const authority = name === 'foo' ? 'foo' : '.';
    const soa = `${authority} 5 SOA fairlead`;
    expect(ask(name, { type: asked })).toMatchObject({
      rcode: 0,
      flags: own,
      answers: [],
      authorities: [soa],
    });
  });

  it.each([
    ['nope', '.'],
    ['nope.foo', 'foo'],
    [reverseName('172.18.0.1'), '18.172.in-addr.arpa'],
    ['_81._tcp.web', '.'],
  ])('%s is no name', (name, authority) => {
    const soa = `${authority} 5 SOA fairlead`;
    expect(ask(name)).toMatchObject({ rcode: 3, flags: own, answers: [], authorities: [soa] });
  });

  it('HTTPS (65) is not taken for 97 by case folding', () => {
    expect(ask('WEB', { type: 97 }).rcode).toBe(0);
    const reply = answer(makeQuery('WEB', { type: type.HTTPS }), udp);
    expect(reply?.readUInt16BE(12 + 5)).toBe(type.HTTPS);
  });
});

describe('names of over 255 octets', () => {
  const part = 'x'.repeat(60);
  const ports = [{ protocol: 'tcp', port: 80 } as const];

  /** The targets that a PTR and an SRV name, of a service of this name on a network of that one. */
  function targets(name: string, network: string) {
    const long = makeNetwork(network, '172.30.0.0/16');
    const containerId = nextId('ab');
    names.set(long, [makeEndpoint(long, { name, containerId, ipv4: '172.30.0.2/16', ports })]);
    const listener = { kind: 'gateway', networkId: long.id } as const;
    const arrival = { listener, from: '172.30.0.2', transport: 'tcp' } as const;
    const ptr =
      ask(reverseName('172.30.0.2'), { type: type.PTR }, arrival).answers[0]?.split(' ').at(-1) ?? '';
    const srv = ask(`_80._tcp.${name}`, { type: type.SRV }, arrival).answers[0]?.split(' ').at(-1) ?? '';
    for (const target of [ptr, srv]) {
      expect(wireName(target).length).toBeLessThanOrEqual(255);
      expect(ask(target, {}, arrival).answers.map((line) => line.split(' ').at(-1))).toEqual(['172.30.0.2']);
    }
    expect(srv).toBe(ptr);
    return { target: ptr, id: containerId.slice(0, 12) };
  }

  it('are no targets: the short id stands for the name, alone where that is too long as well', () => {
    const long = [part, part, part].join('.');
    expect(targets(long, part).target).toBe(`${long}.${part}`);
    const { target, id } = targets(`${long}.y`, 'z'.repeat(70).replace(/^(.{35})/, '$1.'));
    expect(target).toBe(`${id}.${'z'.repeat(35)}.${'z'.repeat(35)}`);
    const alone = targets('web', [part, part, part, part].join('.'));
    expect(alone.target).toBe(`web.${[part, part, part, part].join('.')}`);
    const other = targets('services12', [part, part, part, `${part}12`].join('.'));
    expect(other.target).toBe(other.id);
  });
});

describe('localhost', () => {
  it.each(['localhost', 'a.localhost'])('%s is 127.0.0.1 and ::1', (name) => {
    expect(ask(name)).toMatchObject({ rcode: 0, flags: own, answers: [`${name} 5 A 127.0.0.1`] });
    expect(ask(name, { type: type.AAAA }).answers).toEqual([`${name} 5 AAAA ::1`]);
    expect(ask(name, { type: type.SRV })).toMatchObject({ rcode: 0, answers: [] });
  });
});

describe('SRV', () => {
  it('has type SRV and the addresses of its target', () => {
    for (const name of ['_80._tcp.web.foo', '_80._tcp.web']) {
      expect(ask(name, { type: type.SRV })).toMatchObject({
        rcode: 0,
        flags: own,
        answers: [`${name} 5 SRV 80 web.foo`],
        additionals: ['web.foo 5 A 172.18.3.1', 'web.foo 5 AAAA fd00:18::31'],
      });
    }
  });

  it('has a target per provider of a shared service, whose names resolve', () => {
    const { answers, additionals } = ask('_5432._tcp.db.foo', { type: type.SRV });
    const targets = answers.map((line) => line.split(' ').at(-1) ?? '');
    expect(new Set(targets).size).toBe(2);
    expect(additionals).toEqual(targets.map((target, n) => `${target} 5 A 172.18.1.${n + 1}`));
    expect(targets.flatMap((target) => ask(target).answers)).toEqual(additionals);
  });

  it('does not compress the target (RFC 2782)', () => {
    const reply = answer(makeQuery('_80._tcp.web.foo', { type: type.SRV }), udp);
    const rdata = reply?.subarray(12 + 18 + 4 + 12);
    expect(rdata?.subarray(0, 15).toString('latin1')).toBe('\0\0\0\0\0P\x03web\x03foo\0');
  });
});

describe('many addresses on one name', () => {
  it('comes whole over TCP', () => {
    const reply = ask('big', {}, tcp);
    expect(new Set(reply.answers).size).toBe(60);
    expect(reply.flags).toEqual(own);
  });

  it.each([
    // 12 header + 9 question + 16 per record, and 11 for OPT where the client sent one.
    [undefined, 30, true],
    [100, 30, true],
    [512, 30, true],
    [600, 35, true],
    [991, 59, true],
    [992, 60, false],
    [1232, 60, false],
    [4096, 60, false],
  ])('EDNS size %s: %i whole records, TC %s', (edns, count, truncated) => {
    const reply = ask('big', edns === undefined ? {} : { edns });
    expect(reply.answers.length).toBe(count);
    expect(reply.flags.has('tc')).toBe(truncated);
    expect(reply.size).toBe(12 + 9 + 16 * count + (edns === undefined ? 0 : 11));
    expect(reply.additionals).toEqual(edns === undefined ? [] : ['OPT 1232']);
  });

  it('never sends more than 1232 octets over UDP', () => {
    const many = Array.from({ length: 200 }, (_, n) =>
      makeEndpoint(foo, { name: 'huge', ipv4: `172.18.9.${n}/16` }),
    );
    names.set(foo, [...names.endpointsOf(foo.id), ...many]);
    const reply = ask('huge', { edns: 65535 });
    expect(reply.answers.length).toBe(Math.floor((1232 - 11 - 12 - 10) / 16));
    expect(reply.flags.has('tc')).toBe(true);
    expect(ask('huge', {}, tcp).answers.length).toBe(200);
  });

  it('rotates: every address is first once in as many queries, the rest in order', () => {
    const turns = Array.from({ length: 60 }, () => ask('big', {}, tcp).answers);
    expect(new Set(turns.map(([first]) => first)).size).toBe(60);
    const ring = turns[0] ?? [];
    turns.forEach((turn, n) => {
      expect(turn).toEqual([...ring.slice(n), ...ring.slice(0, n)]);
    });
  });

  it('rotates a truncated answer through all addresses too', () => {
    const seen = new Set(Array.from({ length: 60 }, () => ask('big').answers).flat());
    expect(seen.size).toBe(60);
  });

  it('fills TCP messages up to 65535 octets and says when that is not all', () => {
    const many = Array.from({ length: 4200 }, (_, n) =>
      makeEndpoint(foo, { name: 'vast', ipv4: `172.18.${100 + (n >> 8)}.${n & 255}/16` }),
    );
    names.set(foo, many);
    const reply = ask('vast', {}, tcp);
    expect(reply.size).toBeLessThanOrEqual(65535);
    expect(reply.flags.has('tc')).toBe(true);
    expect(reply.answers.length).toBeGreaterThan(4000);
  });
});

describe('EDNS', () => {
  it('answers OPT with OPT, copying DO', () => {
    const reply = answer(makeQuery('my-service', { edns: 1232, ednsFlags: 0x8000 }), udp);
    expect(reply?.subarray(-11).toString('hex')).toBe(`00${'0029'}${'04d0'}${'00008000'}${'0000'}`);
  });

  it('says BADVERS to other versions', () => {
    const reply = answer(makeQuery('my-service', { edns: 1232, ednsVersion: 1 }), udp);
    expect(reply && readReply(reply).rcode).toBe(0);
    expect(reply?.subarray(-11).toString('hex')).toBe(`00${'0029'}${'04d0'}${'01000000'}${'0000'}`);
  });

  it('refuses two OPT records, an OPT with a name, and a cut option', () => {
    const one = makeQuery('my-service', { edns: 1232 });
    const two = Buffer.concat([one, one.subarray(-11)]);
    two.writeUInt16BE(2, 10);
    expect(answer(two, udp)?.readUInt16BE(2)).toBe(0x8181);
    const named = Buffer.concat([one.subarray(0, -11), Buffer.from('\x01x'), one.subarray(-11)]);
    expect(answer(named, udp)?.readUInt16BE(2)).toBe(0x8181);
    const cut = makeQuery('my-service', { edns: 1232, options: Buffer.from([0, 8, 0, 9, 0]) });
    expect(answer(cut, udp)?.readUInt16BE(2)).toBe(0x8181);
  });
});

describe('EDNS Client Subnet names the asker on the host listener', () => {
  const host: Asked = { listener: { kind: 'host' }, from: '127.0.0.1', transport: 'udp' };

  it('answers as that address would see it, and echoes it with its scope', () => {
    const options = clientSubnet([172, 18, 0, 2]);
    const query = makeQuery('my-service', { edns: 1232, options });
    const reply = answer(query, host);
    expect(reply && readReply(reply).answers).toEqual(['my-service 5 A 172.18.0.2']);
    expect(reply?.subarray(-12).toString('hex')).toBe(
      ['0008', '0008', '0001', '20', '20', 'ac120002'].join(''),
    );
  });

  it('takes IPv6', () => {
    const octets = [0xfd, 0, 0, 0x18, ...Array<number>(11).fill(0), 6];
    const query = makeQuery('six', { type: type.AAAA, edns: 1232, options: clientSubnet(octets, 128, 2) });
    expect(readReply(answer(query, host) ?? Buffer.alloc(12)).answers).toEqual(['six 5 AAAA fd00:18::6']);
  });

  it('asks as the host without it, or with a shorter prefix (scope 0)', () => {
    expect(ask('my-service', {}, host).rcode).toBe(3);
    expect(ask('my-service.foo', {}, host).answers).toEqual(['my-service.foo 5 A 172.18.0.2']);
    const reply = answer(
      makeQuery('my-service', { edns: 1232, options: clientSubnet([172, 18, 0], 24) }),
      host,
    );
    expect(reply && readReply(reply).rcode).toBe(3);
    expect(reply?.subarray(-11).toString('hex')).toBe(
      ['0008', '0007', '0001', '18', '00', 'ac1200'].join(''),
    );
  });

  it('is ignored where a container asks its gateway', () => {
    const query = makeQuery('my-service', { edns: 1232, options: clientSubnet([10, 1, 1, 1]) });
    const reply = answer(query, udp);
    expect(reply && readReply(reply).answers).toEqual(['my-service 5 A 172.18.0.2']);
    expect(reply?.subarray(-2).toString('hex')).toBe('0000');
  });

  it('is FORMERR where it is malformed', () => {
    for (const options of [
      clientSubnet([172, 18, 0], 32),
      clientSubnet([1, 2, 3, 4, 5], 40),
      clientSubnet([1], 8, 3),
    ]) {
      expect(answer(makeQuery('my-service', { edns: 1232, options }), host)?.readUInt16BE(2)).toBe(0x8181);
    }
  });
});

describe('malformed and unusual packets', () => {
  const header = (fields: { flags?: number; questions?: number }) => {
    const octets = Buffer.alloc(12);
    octets.writeUInt16BE(0x1234, 0);
    octets.writeUInt16BE(fields.flags ?? 0x0100, 2);
    octets.writeUInt16BE(fields.questions ?? 0, 4);
    return octets;
  };
  const formerr = `1234${'8181'}0000000000000000`;
  const question = makeQuery('web').subarray(12);

  it.each([
    ['QDCOUNT 0', header({}), formerr],
    ['QDCOUNT 0 with a question', Buffer.concat([header({}), question]), formerr],
    ['QDCOUNT 2', Buffer.concat([header({ questions: 2 }), question, question]), formerr],
    ['QDCOUNT 2 with one', Buffer.concat([header({ questions: 2 }), question]), formerr],
    ['nothing after the header', header({ questions: 1 }), formerr],
    ['a question without its class', makeQuery('web').subarray(0, -2), formerr],
    ['a name without its end', makeQuery('web').subarray(0, 14), formerr],
    [
      'a label of 64',
      Buffer.concat([header({ questions: 1 }), Buffer.from([64]), Buffer.alloc(69)]),
      formerr,
    ],
    [
      'a pointer to itself',
      Buffer.concat([header({ questions: 1 }), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
      formerr,
    ],
    ['a name over 255', makeQuery(Array(4).fill('l'.repeat(63)).join('.')), formerr],
    ['ARCOUNT without the record', makeQuery('web', { edns: 512 }).subarray(0, -11), formerr],
    ['a cut OPT', makeQuery('web', { edns: 512 }).subarray(0, -3), formerr],
    [
      'QTYPE OPT',
      makeQuery('web', { type: 41 }),
      `1234${'8181'}0001000000000000${makeQuery('web', { type: 41 }).toString('hex', 12)}`,
    ],
    ['opcode 1', makeQuery('web', { flags: 0x0800 }), `1234${'8884'}0000000000000000`],
    ['opcode 2', makeQuery('web', { flags: 0x1000 }), `1234${'9084'}0000000000000000`],
    ['opcode 4', makeQuery('web', { flags: 0x2000 }), `1234${'a084'}0000000000000000`],
    ['opcode 5', makeQuery('web', { flags: 0x2800 }), `1234${'a884'}0000000000000000`],
    ['11 octets', header({ questions: 1 }).subarray(0, 11), formerr],
    ['2 octets', Buffer.from([0x12, 0x34]), `1234${'8081'}0000000000000000`],
    ['a response', makeQuery('web', { flags: 0x8100 }), undefined],
    ['the beginning of a response', Buffer.from([0x12, 0x34, 0x80]), undefined],
    ['1 octet', Buffer.from([0x12]), undefined],
    ['nothing', Buffer.alloc(0), undefined],
  ])('%s', (_, packet, expected) => {
    expect(answer(packet, udp)?.toString('hex')).toBe(expected);
  });

  it.each([0, 3, 4, 254, 255])('class %i is refused', (asked) => {
    expect(ask('web', { class: asked })).toMatchObject({
      rcode: 5,
      flags: new Set(['qr', 'rd', 'ra']),
      answers: [],
    });
  });

  it('refuses zone transfers', () => {
    expect(ask('foo', { type: type.AXFR }, tcp).rcode).toBe(5);
  });

  it('accepts a name of exactly 255 octets, and a label of 63', () => {
    const labels = [...Array(3).fill('l'.repeat(63)), 'l'.repeat(57), 'foo'];
    expect(ask(labels.join('.'))).toMatchObject({ rcode: 3, authorities: ['foo 5 SOA fairlead'] });
  });

  it('ignores what follows the last record', () => {
    const reply = answer(Buffer.concat([makeQuery('web'), Buffer.from('garbage')]), udp);
    expect(reply && readReply(reply).answers).toEqual(['web 5 A 172.18.3.1']);
  });
});

describe('ready answers', () => {
  it('go with the generation that they were made from', () => {
    expect(ask('web').answers).toEqual(['web 5 A 172.18.3.1']);
    expect(ask('later').rcode).toBe(3);
    names.set(foo, [makeEndpoint(foo, { name: 'later', ipv4: '172.18.3.9/16' })]);
    expect(ask('web').rcode).toBe(3);
    expect(ask('later').answers).toEqual(['later 5 A 172.18.3.9']);
  });

  it('are shared by all spellings, each of which is echoed', () => {
    for (const name of ['wEb', 'WEB', 'web']) expect(ask(name).answers).toEqual([`${name} 5 A 172.18.3.1`]);
  });

  it('are bounded, however many names are asked for', () => {
    for (let n = 0; n < 10_000; n++) ask(`random-${n}`);
    expect(ask('web').answers).toEqual(['web 5 A 172.18.3.1']);
  });
});
