import { beforeEach, describe, expect, it } from 'vitest';
import { parseDnsPolicy } from '../../../../src/cluster/endpoints/dns-policy.ts';
import type { DnsPolicy, Network } from '../../../../src/cluster/records.ts';
import { createTestModel } from '../../../rig/model.ts';
import {
  clientSubnet,
  FakeNames,
  makeEndpoint,
  makeHandler,
  makeNetwork,
  makeQuery,
  readReply,
} from '../fixture.ts';

const edns = { edns: 1232 };

let names: FakeNames;
let foo: Network;
let answer: ReturnType<typeof makeHandler>['answer'];

beforeEach(() => {
  names = new FakeNames();
  foo = makeNetwork('foo', '172.18.0.0/16', 'fd00:18::/64');
  answer = makeHandler(names).answer;
});

/** Endpoints .2, .3 … of the name `web`. */
const webs = (dnsPolicy: DnsPolicy | undefined, count = 3) =>
  Array.from({ length: count }, (_, n) =>
    makeEndpoint(foo, {
      name: `web${n}`,
      aliases: ['web'],
      ipv4: `172.18.0.${n + 2}/16`,
      ipv6: `fd00:18::${n + 2}/64`,
      ...(dnsPolicy ? { dnsPolicy } : {}),
    }),
  );

function ask(
  fields: Parameters<typeof makeQuery>[1] = {},
  from = '172.18.9.9',
  transport: 'udp' | 'tcp' = 'udp',
) {
  const listener = { kind: 'gateway', networkId: foo.id } as const;
  const reply = answer(makeQuery('web', fields), { listener, from, transport });
  if (!reply) throw new Error('no answer');
  const { answers, flags, additionals } = readReply(reply);
  return { addresses: answers.map((line) => line.split(' ').at(-1)), flags, additionals };
}
const firsts = (count: number, fields = {}, from?: string) =>
  Array.from({ length: count }, () => ask(fields, from).addresses[0]);

describe('which address of a name comes first', () => {
  it.each([undefined, 'rotate'] as const)('%s: another at each query, and all with it', (policy) => {
    names.set(foo, webs(policy));
    expect(ask().addresses).toEqual(['172.18.0.2', '172.18.0.3', '172.18.0.4']);
    expect(ask().addresses).toEqual(['172.18.0.3', '172.18.0.4', '172.18.0.2']);
    expect(ask(edns).addresses).toEqual(['172.18.0.4', '172.18.0.2', '172.18.0.3']);
  });

  it('turn: another at each query, alone for who would sort them', () => {
    names.set(foo, webs('turn'));
    expect(Array.from({ length: 4 }, () => ask().addresses)).toEqual([
      ['172.18.0.2'],
      ['172.18.0.3'],
      ['172.18.0.4'],
      ['172.18.0.2'],
    ]);
    expect(ask(edns).addresses).toEqual(['172.18.0.3', '172.18.0.4', '172.18.0.2']);
    expect(ask().flags).toEqual(new Set(['qr', 'aa', 'rd', 'ra']));
    expect(ask({ type: 28 }, undefined, 'tcp').addresses).toEqual(['fd00:18::2']);
    expect(ask({ type: 28 }).addresses).toEqual(['fd00:18::3']);
  });

  it('turn: goes on where it was when the name changes, so that who asks once is spread too', () => {
    const endpoints = webs('turn');
    const seen = Array.from({ length: 6 }, () => {
      names.set(foo, endpoints);
      return ask().addresses[0];
    });
    expect(seen).toEqual([...firsts(3), ...firsts(3)]);
    expect(new Set(seen).size).toBe(3);
  });

  it('turn: each asker goes through all, and new ones begin at another each', () => {
    names.set(foo, webs('turn'));
    const seen = new Map<string, (string | undefined)[]>([
      ['172.18.9.1', []],
      ['172.18.9.2', []],
      ['172.18.9.3', []],
    ]);
    for (let n = 0; n < 3; n++)
      for (const [asker, addresses] of seen) addresses.push(ask({}, asker).addresses[0]);
    for (const addresses of seen.values()) expect(new Set(addresses).size).toBe(3);
    expect(new Set([...seen.values()].map(([first]) => first)).size).toBe(3);
  });

  it('ordered: the oldest, as long as it is there', () => {
    const endpoints = webs('ordered');
    names.set(foo, endpoints);
    expect(firsts(3)).toEqual(['172.18.0.2', '172.18.0.2', '172.18.0.2']);
    expect(ask(edns).addresses).toEqual(['172.18.0.2', '172.18.0.3', '172.18.0.4']);
    expect(ask(edns).addresses).toEqual(['172.18.0.2', '172.18.0.3', '172.18.0.4']);
    names.set(
      foo,
      endpoints.map((endpoint, n) => (n === 0 ? { ...endpoint, healthy: false } : endpoint)),
    );
    expect(ask().addresses).toEqual(['172.18.0.3']);
  });

  it('sticky: each asker has its own, and loses it only with the container', () => {
    const endpoints = webs('sticky', 4);
    names.set(foo, endpoints);
    const askers = Array.from({ length: 200 }, (_, n) => `172.18.1.${n + 1}`);
    const chosen = new Map(askers.map((asker) => [asker, ask({}, asker).addresses[0]]));
    for (const address of new Set(chosen.values())) {
      const share = [...chosen.values()].filter((one) => one === address).length;
      // A quarter each, ± what chance allows: four standard deviations.
      expect(share).toBeGreaterThan(25);
      expect(share).toBeLessThan(75);
    }
    expect(new Set(chosen.values()).size).toBe(4);
    for (const asker of askers)
      expect(firsts(2, edns, asker)).toEqual([chosen.get(asker), chosen.get(asker)]);
    names.set(foo, endpoints.slice(1));
    for (const asker of askers)
      if (chosen.get(asker) !== '172.18.0.2') expect(ask({}, asker).addresses).toEqual([chosen.get(asker)]);
  });

  it('sticky: the host may ask on behalf of somebody', () => {
    names.set(foo, [...webs('sticky'), makeEndpoint(foo, { name: 'c', ipv4: '172.18.9.9/16' })]);
    const options = clientSubnet([172, 18, 9, 9]);
    const query = makeQuery('web', { edns: 1232, options });
    const reply = answer(query, { listener: { kind: 'host' }, from: '127.0.0.1', transport: 'udp' });
    const first = reply && readReply(reply).answers[0]?.split(' ').at(-1);
    expect(first).toBe(ask({}, '172.18.9.9').addresses[0]);
  });

  it('is decided by the oldest that says so', () => {
    const [first, second, ...others] = webs(undefined);
    if (!first || !second) throw new Error('no endpoints');
    names.set(foo, [first, { ...second, dnsPolicy: 'ordered' }, ...others]);
    expect(firsts(2)).toEqual(['172.18.0.2', '172.18.0.2']);
  });

  it('has four words', () => {
    expect(parseDnsPolicy('turn')).toBe('turn');
    expect(() => parseDnsPolicy('random')).toThrow(
      'Invalid DNS policy "random", use one of rotate, turn, ordered, sticky',
    );
  });
});

describe('the endpoint option', () => {
  it('is kept with the place, and refused when it is no policy', async () => {
    await using model = await createTestModel();
    const { id: networkId } = await model.networks.create({ name: 'foo' });
    const option = (policy: string) => ({ driverOptions: { 'fairlead.dns.policy': policy } });
    const policyOf = () => model.directory.endpointsOf(networkId).map(({ dnsPolicy }) => dnsPolicy);
    const endpoints = { foo: { aliases: ['db'], ...option('ordered') } };
    const { id } = await model.containers.create({ name: 'db1', image: 'x', networkMode: 'foo', endpoints });
    await model.containers.start(id);
    expect(policyOf()).toEqual(['ordered']);
    await model.containers.restart(id);
    expect(policyOf()).toEqual(['ordered']);
    await model.containers.disconnect('foo', id);
    await expect(model.containers.connect('foo', id, option('random'))).rejects.toThrow('Invalid DNS policy');
    await model.containers.connect('foo', id, option('sticky'));
    expect(policyOf()).toEqual(['sticky']);
    await expect(
      model.containers.create({ image: 'x', networkMode: 'foo', endpoints: { foo: option('') } }),
    ).rejects.toThrow('Invalid DNS policy ""');
  });
});
