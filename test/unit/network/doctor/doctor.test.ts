import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareListings } from '../../../../src/dataplane/linux/firewall/faults.ts';
import { compare, type Fact, describe as inWords } from '../../../../src/network/host/facts.ts';
import { createTestModel } from '../../../rig/model.ts';

const facts: fc.Arbitrary<readonly Fact[]> = fc.uniqueArray(
  fc.record({ what: fc.constantFrom('a', 'b', 'c', 'd', 'e'), value: fc.constantFrom('1', '2', '3') }),
  { selector: ({ what }) => what },
);

describe('the comparison', () => {
  it('names exactly what differs, once each', () => {
    fc.assert(
      fc.property(facts, facts, (expected, actual) => {
        const wanted = new Map(expected.map(({ what, value }) => [what, value]));
        const found = new Map(actual.map(({ what, value }) => [what, value]));
        const wrong = ['a', 'b', 'c', 'd', 'e'].filter((what) => wanted.get(what) !== found.get(what));
        const named = compare(expected, actual);
        expect(named.map(({ what }) => what).sort()).toEqual(wrong);
        for (const one of named) {
          expect([one.expected, one.actual]).toEqual([wanted.get(one.what), found.get(one.what)]);
        }
      }),
    );
  });

  it('says each in one line', () => {
    expect(inWords({ what: 'x', expected: '1' })).toBe('x is missing; it should be: 1');
    expect(inWords({ what: 'x', actual: '2' })).toBe('x should not be there: 2');
    expect(inWords({ what: 'x', expected: '1', actual: '2' })).toBe('x is: 2; it should be: 1');
  });
});

describe('two listings of the firewall', () => {
  const table = (elements: string, ...rules: string[]) =>
    `table inet t {\n\tset s {\n\t\ttype ifname\n\t\telements = { ${elements} }\n\t}\n\n\tchain c {\n${rules
      .map((rule) => `\t\t${rule}\n`)
      .join('')}\t}\n}\n`;

  it('are the same whatever the order of elements and the breaks of lines', () => {
    const one = table('"a", "b",\n\t\t\t     "c"', 'accept');
    expect(compareListings(one, table('"c", "a", "b"', 'accept'))).toEqual({ missing: [], surplus: [] });
  });

  it('differ in elements, in rules, and in how often a rule is there', () => {
    expect(compareListings(table('"a", "x"', 'drop', 'drop'), table('"a", "b"', 'drop', 'accept'))).toEqual({
      missing: ['set s: "b"', 'chain c: accept'],
      surplus: ['set s: "x"', 'chain c: drop'],
    });
  });

  it('differ in all when there is none', () => {
    expect(compareListings('', table('"a"', 'drop'))).toEqual({ missing: ['the whole table'], surplus: [] });
    expect(compareListings('', '')).toEqual({ missing: [], surplus: [] });
  });
});

describe('a doctor of the simulated mode', () => {
  it('finds nothing wrong after connects, moves and removals, and heals what is taken away', async () => {
    await using model = await createTestModel();
    const { networks, containers, services, dataplane, doctor } = model;
    await networks.create({ name: 'foo' });
    await networks.create({ name: 'bar', driver: 'overlay' });
    await services.publish('db.bar');
    for (const name of ['c1', 'c2']) {
      await containers.create({ name, image: 'x', networkMode: 'foo' });
      await containers.start(name);
      await containers.connect('bar', name);
    }
    await services.attach((await services.find('db.bar')).service.id, 'c1');
    await containers.disconnect('foo', 'c2');
    const healthy = await doctor.examine();
    expect(healthy.findings).toEqual([]);
    expect(healthy.checked).toBeGreaterThan(10);
    const [vxlan = ''] = (await dataplane.owned()).vxlans;
    await dataplane.removeVxlan(vxlan);
    expect((await doctor.examine('foo')).findings).toEqual([]);
    const [sick] = (await doctor.examine('bar')).findings;
    expect(sick).toMatchObject({ network: 'bar', repaired: false });
    expect(sick?.text).toContain(`device ${vxlan} is missing; it should be: vxlan id 8388608`);
    expect((await doctor.examine(undefined, { repair: true })).findings).toMatchObject([{ repaired: true }]);
    expect((await doctor.examine()).findings).toEqual([]);
    await expect(doctor.examine('nope')).rejects.toMatchObject({ kind: 'not-found' });
  });
});
