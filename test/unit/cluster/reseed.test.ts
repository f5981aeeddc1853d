import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../kvstore/local/memory.ts';
import type { Store } from '../../../kvstore/store.ts';
import { keys } from '../../../src/cluster/keys.ts';
import type { Network, Service } from '../../../src/cluster/records.ts';
import { Reseed } from '../../../src/cluster/reseed/reseed.ts';
import { newId } from '../../../src/lib/ids.ts';
import { readRecords, violationsIn } from '../../rig/invariants.ts';

const network = (name: string, subnet: string, vni: number): Network => ({
  ...{ id: newId(), name, driver: 'overlay', scope: 'global', created: '2026-01-01T00:00:00Z', vni },
  ...{ internal: false, attachable: false, ipv6: false, options: {}, labels: {} },
  ipam: {
    ...{ driver: 'default', options: {} },
    pools: [{ subnet, gateway: subnet.replace('0/24', '1'), auxAddresses: {} }],
  },
});
const service = (on: Network, name: string, ipv4: string): Service => ({
  ...{
    id: newId(),
    networkId: on.id,
    name,
    created: '2026-01-01T00:00:00Z',
    shared: false,
    endpointId: newId(),
  },
  ...{ ipv4, aliases: [], ports: [] },
});

const foo = network('foo', '10.0.0.0/24', 4096);
const bar = network('bar', '10.0.1.0/24', 4097);
const db = service(foo, 'db', '10.0.0.2/24');

/** A node that came when the store was new, and what it logs. */
async function nodeOn(store: Store) {
  const lines: string[] = [];
  const reseed = new Reseed(store, pino({ base: null }, { write: (line: string) => void lines.push(line) }));
  await reseed.enter();
  return { reseed, lines };
}

async function wipe(store: Store): Promise<void> {
  for (const folder of ['meta/', 'networks/', 'network-names/', 'services/', 'addresses/', 'vnis/']) {
    for (const { key } of await store.list(folder)) await store.commit([], [{ op: 'delete', key }]);
  }
  await store.commit([], [{ op: 'delete', key: keys.subnets }]);
}

describe('a wiped store', () => {
  it('is filled by all nodes at once as it was, each record once', async () => {
    const store = new MemoryStore();
    const nodes = await Promise.all([nodeOn(store), nodeOn(store), nodeOn(store)]);
    expect(await nodes[0].reseed.needed()).toBe(false);
    await wipe(store);
    expect(await nodes[1].reseed.needed()).toBe(true);
    const lost = await Promise.all(
      nodes.map(({ reseed }) => reseed.run({ networks: [foo, bar], services: [db], apps: [] })),
    );
    expect(lost.flat()).toEqual([]);
    const records = await readRecords(store);
    expect(records.networks).toEqual(
      new Map([
        [foo.id, foo],
        [bar.id, bar],
      ]),
    );
    expect(records.services).toEqual(new Map([[`${foo.id}/db`, db]]));
    expect(violationsIn(records).violations).toEqual([]);
    for (const { reseed } of nodes) expect(await reseed.needed()).toBe(false);
  });

  it('a name that somebody took first is lost, with what was on the network, and said', async () => {
    const store = new MemoryStore();
    const { reseed, lines } = await nodeOn(store);
    await wipe(store);
    const newcomer = network('foo', '10.0.9.0/24', 5000);
    await (await nodeOn(store)).reseed.enter();
    await store.commit(
      [],
      [
        { op: 'put', key: keys.networkName('foo'), value: JSON.stringify(newcomer.id) },
        { op: 'put', key: keys.network(newcomer.id), value: JSON.stringify(newcomer) },
        { op: 'put', key: keys.vni(5000), value: JSON.stringify(newcomer.id) },
        {
          op: 'put',
          key: keys.subnets,
          value: JSON.stringify({ [newcomer.id.slice(0, 12)]: ['10.0.9.0/24'] }),
        },
      ],
    );
    expect(await reseed.run({ networks: [foo, bar], services: [db], apps: [] })).toEqual([
      { key: keys.network(foo.id) },
      { key: keys.service(foo.id, 'db') },
    ]);
    const records = await readRecords(store);
    expect([...records.networks.values()].map(({ name }) => name).sort()).toEqual(['bar', 'foo']);
    expect(records.names.get('foo')).toBe(newcomer.id);
    expect(violationsIn(records).violations).toEqual([]);
    expect(lines.join('')).toContain('network foo is lost with the store: network-names/foo is another');
  });

  it('a subnet that somebody was given meanwhile is said, and the network put back', async () => {
    const store = new MemoryStore();
    const { reseed, lines } = await nodeOn(store);
    await wipe(store);
    await store.commit(
      [],
      [{ op: 'put', key: keys.subnets, value: JSON.stringify({ aaaaaaaaaaaa: ['10.0.0.0/16'] }) }],
    );
    expect(await reseed.run({ networks: [foo], services: [db], apps: [] })).toEqual([]);
    expect((await readRecords(store)).networks.has(foo.id)).toBe(true);
    expect(lines.join('')).toContain(
      'network foo is put back, but 10.0.0.0/16 was given to another meanwhile',
    );
  });

  it('apps are put back, too; where somebody made one meanwhile that one stays, and it is said', async () => {
    const store = new MemoryStore();
    const nodes = await Promise.all([nodeOn(store), nodeOn(store)]);
    const app = (created: string, scale: number) => ({ name: 'shop', created, scale: { web: scale } });
    const kept = [
      { key: keys.app('shop'), record: app('2026-01-01T00:00:00Z', 2) },
      { key: keys.app('blog'), record: app('2026-01-02T00:00:00Z', 1) },
      { key: keys.globalApp, record: { properties: { tld: 'example' } } },
    ];
    await wipe(store);
    const newer = JSON.stringify(app('2026-02-02T00:00:00Z', 9));
    await store.commit([], [{ op: 'put', key: keys.app('shop'), value: newer }]);
    await Promise.all(nodes.map(({ reseed }) => reseed.run({ networks: [], services: [], apps: kept })));
    const values = (await store.list('apps/')).map(({ key, value }) => [key, value]);
    expect(values).toEqual([
      [keys.globalApp, JSON.stringify(kept[2]?.record)],
      [keys.app('blog'), JSON.stringify(kept[1]?.record)],
      [keys.app('shop'), newer],
    ]);
    for (const { lines } of nodes) {
      const said = lines.filter((line) => line.includes('is lost with the store'));
      expect(said.length).toBe(1);
      expect(said[0]).toContain('apps/shop is lost with the store: one that was made later has its name');
    }
  });
});
