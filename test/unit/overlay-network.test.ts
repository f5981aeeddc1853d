import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Driver, Peer, Spare } from '../../drivers/driver.ts';
import { createNullDriver } from '../../drivers/null.ts';
import { MemoryStore } from '../../kvstore/local/memory.ts';
import { Directory } from '../../src/cluster/directory.ts';
import { keys } from '../../src/cluster/keys.ts';
import { type Endpoint, type Network, nodeSchema } from '../../src/cluster/records.ts';
import type { Association } from '../../src/dataplane/associations.ts';
import { createSimulatedDataplane } from '../../src/dataplane/simulated.ts';
import type { TunnelEntries } from '../../src/dataplane/tunnels.ts';
import { newId } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { Peers } from '../../src/network/host/peers.ts';
import { endpointOf, networkOf } from '../contract/driver.ts';
import { createTestModel } from '../rig/model.ts';
import { until } from '../rig/until.ts';

type Model = Awaited<ReturnType<typeof createTestModel>>;

const vnis = 'com.docker.network.driver.overlay.vxlanid_list';
const overlay = (name: string, options: Record<string, string> = {}) => ({
  name,
  driver: 'overlay',
  options,
});
const nothing = { bridged: [], forwarding: [], neighbours: [] };

/** Hosts with stores of their own and one that they share, at 192.0.2.1, .2 and so on. */
async function createHosts(count: number) {
  const shared = new MemoryStore();
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const models: Model[] = [];
  for (const n of numbers) {
    models.push(await createTestModel({ globalStore: shared, advertise: `192.0.2.${n}` }));
  }
  return {
    shared,
    models,
    async [Symbol.asyncDispose]() {
      for (const model of models) await model[Symbol.asyncDispose]();
      await shared.close();
    },
  };
}

async function two(): Promise<{ a: Model; b: Model; shared: MemoryStore } & AsyncDisposable> {
  const hosts = await createHosts(2);
  const [a, b] = hosts.models;
  if (!a || !b) throw new Error('two hosts were asked for');
  return { a, b, shared: hosts.shared, [Symbol.asyncDispose]: () => hosts[Symbol.asyncDispose]() };
}

async function known(model: Model, name: string): Promise<Network> {
  const seen = () => model.networks.list().find((network) => network.name === name);
  await until(`the network ${name} is known`, seen);
  return model.networks.find(name);
}

async function run(model: Model, name: string, network: string) {
  await known(model, network);
  await model.containers.create({ name, image: 'x', networkMode: network });
  const { id, attachments } = await model.containers.start(name);
  return { id, address: attachments[0]?.endpoint?.ipv4?.split('/')[0] ?? '' };
}

async function entries({ dataplane }: Model): Promise<TunnelEntries> {
  const [vxlan] = (await dataplane.owned()).vxlans;
  return vxlan === undefined ? nothing : await dataplane.tunnelEntries(vxlan);
}

const pathTo = async (model: Model, from: string, address: string) =>
  (await model.dataplane.reach(from, { address })).path.at(-1);

describe('VXLAN ids', () => {
  test('are each taken once, whoever asks, and are free again after the network', async () => {
    await using hosts = await two();
    const names = Array.from({ length: 8 }, (_, i) => `net${i}`);
    const created = await Promise.all(
      names.map((name, i) => (i % 2 ? hosts.a : hosts.b).networks.create(overlay(name))),
    );
    expect(created.map(({ vni }) => vni).toSorted()).toEqual(names.map((_, i) => 0x80_0000 + i));
    const [first] = created;
    expect(await hosts.shared.get(keys.vni(first?.vni ?? 0))).toMatchObject({ value: `"${first?.id}"` });
    await known(hosts.a, 'net0');
    await hosts.a.networks.remove('net0');
    expect((await hosts.a.networks.create(overlay('again'))).vni).toBe(first?.vni);
  });

  test('are those that the option names, or refused', async () => {
    await using hosts = await two();
    expect((await hosts.a.networks.create(overlay('foo', { [vnis]: '5000' }))).vni).toBe(5000);
    await known(hosts.b, 'foo');
    await expect(hosts.b.networks.create(overlay('bar', { [vnis]: '5000' }))).rejects.toMatchObject({
      kind: 'conflict',
      message: 'VXLAN id 5000 is in use by network foo',
    });
    await expect(hosts.b.networks.create(overlay('bar', { [vnis]: '0' }))).rejects.toMatchObject({
      kind: 'invalid',
    });
    expect((await hosts.shared.list('vnis/')).map(({ key }) => key)).toEqual(['vnis/5000']);
  });

  test('leave a pool out that the Engine of another node has for itself', async () => {
    await using hosts = await two();
    await hosts.b.nodeLease.announce();
    await hosts.b.nodeLease.amend({ engineSubnets: ['10.0.0.0/24', '10.0.1.0/25'] });
    await until('a knows it', () => hosts.a.directory.nodes().some(({ engineSubnets }) => engineSubnets));
    const { ipam } = await hosts.a.networks.create(overlay('foo'));
    expect(ipam.pools.map(({ subnet }) => subnet)).toEqual(['10.0.2.0/24']);
  });

  test('are no matter of other drivers', async () => {
    await using model = await createTestModel();
    expect(await model.networks.create({ name: 'foo' })).not.toHaveProperty('vni');
    expect(await model.store.list('vnis/')).toEqual([]);
  });
});

describe('an encrypted network', () => {
  const encrypted = (name: string) => overlay(name, { encrypted: '' });
  const secrets = async (store: MemoryStore) =>
    (await store.list('nodes/')).map(({ value }) => nodeSchema.parse(JSON.parse(value)).tunnelSecret ?? '');
  const associations = async (model: Model) => (await model.dataplane.associations()).map(spiOf).toSorted();
  const spiOf = ({ source, destination, spi }: Association) => `${source} ${destination} ${spi}`;

  /** A container of each host on it, and on another one; what the hosts tell the store, and have of each other. */
  async function meet(hosts: Awaited<ReturnType<typeof two>>): Promise<void> {
    await hosts.a.networks.create(encrypted('foo'));
    await hosts.a.networks.create(encrypted('bar'));
    for (const network of ['foo', 'bar']) {
      await run(hosts.a, `a-${network}`, network);
      await run(hosts.b, `b-${network}`, network);
    }
    await until(
      'both have what the other has',
      async () => [await associations(hosts.a), await associations(hosts.b)],
      ([a, b]) => a?.length === 2 && a.join() === b?.join(),
    );
  }

  test('gives two hosts one association each way, and their secrets to the store while they take part', async () => {
    await using hosts = await two();
    await meet(hosts);
    for (const secret of await secrets(hosts.shared)) expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(await secrets(hosts.shared)).size).toBe(2);
    await hosts.b.containers.stop('b-foo', 0);
    expect(await associations(hosts.b)).toHaveLength(2);
    await hosts.b.containers.stop('b-bar', 0);
    expect(await associations(hosts.b)).toEqual([]);
    await until(
      'the secret is taken back',
      () => secrets(hosts.shared),
      (all) => all.filter((secret) => secret === '').length === 1,
    );
  });

  test('is looked after by the doctor', async () => {
    await using hosts = await two();
    await meet(hosts);
    const { doctor, dataplane } = hosts.a;
    expect((await doctor.examine()).findings).toEqual([]);
    const [gone] = await dataplane.associations();
    if (!gone) throw new Error('there are two');
    await dataplane.changeAssociations({ add: [], remove: [gone] });
    const [finding, ...more] = (await doctor.examine(undefined, { repair: true })).findings;
    expect(more).toEqual([]);
    expect(finding?.text).toBe(
      `IPsec association 0x${gone.spi.toString(16)} from ${gone.source} to ${gone.destination} is missing; ` +
        'it should be: ESP in transport mode',
    );
    // Not the same one: its packets would be counted from one again.
    expect(await associations(hosts.a)).not.toContain(spiOf(gone));
    await until('both have what the other sends under', async () => {
      const theirs = await associations(hosts.b);
      return (await dataplane.associations())
        .filter(({ source }) => source === '192.0.2.1')
        .map(spiOf)
        .every((one) => theirs.includes(one));
    });
  });
});

describe('a host', () => {
  test('carries nothing of a network that it takes no part in', async () => {
    await using hosts = await two();
    await hosts.a.networks.create(overlay('foo'));
    await run(hosts.a, 'c1', 'foo');
    const network = await known(hosts.b, 'foo');
    expect((await hosts.b.dataplane.owned()).vxlans).toEqual([]);
    expect((await hosts.b.dataplane.owned()).bridges).toHaveLength(1);
    expect(hosts.b.directory.follows(network)).toBe(false);
    expect(hosts.b.directory.endpointsOf(network.id)).toEqual([]);
    // It can still be asked.
    expect((await hosts.b.networks.endpoints(network.id)).map(({ name }) => name)).toEqual(['c1']);
  });

  test('has its peers as soon as its first container has joined', async () => {
    await using hosts = await two();
    await hosts.a.networks.create(overlay('foo'));
    const c1 = await run(hosts.a, 'c1', 'foo');
    const c2 = await run(hosts.b, 'c2', 'foo');
    expect(await pathTo(hosts.b, c2.id, c1.address)).toBe('node 192.0.2.1');
    await until(
      'the other way',
      () => pathTo(hosts.a, c1.id, c2.address),
      (hop) => hop === 'node 192.0.2.2',
    );
  });

  test('leaves with its last container, and is forgotten by the others', async () => {
    await using hosts = await two();
    const { id } = await hosts.a.networks.create(overlay('foo'));
    await run(hosts.a, 'c1', 'foo');
    await run(hosts.b, 'c2', 'foo');
    await run(hosts.b, 'c3', 'foo');
    await until(
      'both are peers',
      () => entries(hosts.a),
      ({ bridged }) => bridged.length === 2,
    );
    await hosts.b.containers.stop('c2', 0);
    expect((await hosts.b.dataplane.owned()).vxlans).toHaveLength(1);
    await hosts.b.containers.remove('c3', { force: true });
    expect(await hosts.b.dataplane.owned()).toMatchObject({ vxlans: [], bridges: [expect.any(String)] });
    expect(hosts.b.directory.follows(hosts.b.networks.find(id))).toBe(false);
    await until(
      'no peer is left',
      () => entries(hosts.a),
      ({ bridged }) => bridged.length === 0,
    );
    expect(await entries(hosts.a)).toEqual(nothing);
  });

  test('leaves when the join failed', async () => {
    await using hosts = await two();
    await hosts.a.networks.create({ ...overlay('foo'), ipam: { config: [{ subnet: '10.9.0.0/30' }] } });
    await run(hosts.a, 'c1', 'foo');
    await expect(run(hosts.b, 'c2', 'foo')).rejects.toMatchObject({ kind: 'exhausted' });
    expect((await hosts.b.dataplane.owned()).vxlans).toEqual([]);
    expect(hosts.b.directory.follows(hosts.b.networks.find('foo'))).toBe(false);
  });

  test('without an address for others says so at the first join', async () => {
    await using model = await createTestModel({ advertise: '' });
    await model.networks.create(overlay('foo'));
    await expect(run(model, 'c1', 'foo')).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/^Cannot start container c1: attach c1 to network foo: .*--advertise/),
    });
  });

  test('is on the network while any container is, however joins and leaves overlap', async () => {
    await using hosts = await two();
    await hosts.a.networks.create(overlay('foo'));
    const c1 = await run(hosts.a, 'c1', 'foo');
    await known(hosts.b, 'foo');
    for (const name of ['c2', 'c3', 'c4']) await run(hosts.b, name, 'foo');
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(['c2', 'c3', 'c4'].map((name) => hosts.b.containers.stop(name, 0)));
      const starting = hosts.b.containers.start('c2');
      const restarting = ['c3', 'c4'].map(async (name) => {
        await hosts.b.containers.start(name);
        await hosts.b.containers.stop(name, 0);
      });
      const [c2] = await Promise.all([starting, ...restarting]);
      expect(await pathTo(hosts.b, c2.id, c1.address)).toBe('node 192.0.2.1');
    }
    await hosts.b.containers.stop('c2', 0);
    expect((await hosts.b.dataplane.owned()).vxlans).toEqual([]);
  });

  test('follows a service that moves', async () => {
    await using hosts = await createHosts(3);
    const [a, b, c] = hosts.models;
    if (!a || !b || !c) throw new Error('three hosts were asked for');
    await a.networks.create(overlay('foo'));
    const asker = await run(c, 'asker', 'foo');
    const { service } = await a.services.publish('db.foo');
    const address = service.ipv4?.split('/')[0] ?? '';
    for (const model of [a, b]) {
      await until(
        'the service is known',
        () => model.services.list(),
        (list) => list.length === 1,
      );
      await model.containers.create({ name: 'db', image: 'x', networkMode: 'none' });
    }
    const places = [
      [a, 'node 192.0.2.1'],
      [b, 'node 192.0.2.2'],
    ] as const;
    for (const [model, node] of [...places, ...places]) {
      await model.containers.remove('db', { force: true });
      await model.containers.create({ name: 'db', image: 'x', publishServices: ['db.foo'] });
      await model.containers.start('db');
      await until(
        `it is on ${node}`,
        () => pathTo(c, asker.id, address),
        (hop) => hop === node,
      );
      expect((await entries(c)).forwarding).toHaveLength(1);
      await model.containers.stop('db', 0);
    }
  });

  test('that starts again takes nothing away that its containers use', async () => {
    const shared = new MemoryStore();
    const store = new MemoryStore();
    const dataplane = createSimulatedDataplane();
    const life = { nodeId: newId(), globalStore: shared, store, dataplane, advertise: '192.0.2.1' };
    await using other = await createTestModel({ globalStore: shared, advertise: '192.0.2.2' });
    const first = await createTestModel(life);
    await first.networks.create(overlay('foo'));
    await run(other, 'c2', 'foo');
    await run(first, 'c1', 'foo');
    const before = await entries(first);
    expect(before.bridged).toHaveLength(1);
    await first.crash();
    const removed: string[] = [];
    const watching = new Proxy(dataplane, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (/^(remove|changeTunnel)/.test(String(property))) removed.push(String(property));
          return value.apply(target, args);
        };
      },
    });
    await using second = await createTestModel({ ...life, dataplane: watching });
    expect(second.containers.list().map(({ name }) => name)).toEqual(['c1']);
    expect(await entries(second)).toEqual(before);
    expect(removed).toEqual([]);
  });
});

describe('peers', () => {
  const driver: Driver = { ...createNullDriver(), name: 'overlay', scope: 'global', addressed: true };
  const network = networkOf(driver);
  const [self, elsewhere] = [newId(), newId()];

  /** A directory over a store, and a driver that remembers what it was told. */
  async function open(programs: (peers: readonly Peer[]) => Promise<void> = async () => {}, graceMs = 0) {
    const [local, global] = [new MemoryStore(), new MemoryStore()];
    const directory = new Directory({ local, global }, silentLogger);
    const told: string[][] = [];
    const spared: boolean[] = [];
    const lines: string[] = [];
    const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
    const setPeers = async (_: unknown, peers: readonly Peer[], spare?: Spare) => {
      spared.push(spare !== undefined);
      told.push(peers.map(({ endpoint, via }) => `${endpoint.containerName} ${via}`).toSorted());
      await programs(peers);
    };
    const driverOf = () => ({ ...driver, setPeers });
    const letNodesIn = async () => {};
    const peers = new Peers({ directory, nodeId: self, driverOf, log, graceMs, letNodesIn });
    const put = async (key: string, value: unknown) => {
      await global.commit([], [{ op: 'put', key, value: JSON.stringify(value) }]);
    };
    await directory.ready();
    return {
      peers,
      directory,
      told,
      spared,
      lines,
      putEndpoint: (e: Endpoint) => put(keys.endpoint(network.id, e.id), e),
      putNode: (id: string, advertise?: string) =>
        put(keys.node(id), {
          id,
          name: 'n2',
          version: '0',
          started: '',
          ...(advertise ? { advertise } : {}),
        }),
      async [Symbol.asyncDispose]() {
        await peers.close();
        await directory.close();
        await Promise.all([local.close(), global.close()]);
      },
    };
  }

  const on = (nodeId: string, last: number): Endpoint => ({ ...endpointOf(network, last), nodeId });

  test('are the endpoints of other nodes, at the address that those advertise', async () => {
    await using place = await open();
    await place.putNode(elsewhere, '192.0.2.2');
    for (const endpoint of [on(self, 2), on(elsewhere, 3)]) await place.putEndpoint(endpoint);
    await place.directory.follow(network);
    await place.peers.begin(network);
    expect(place.told).toEqual([['c3 192.0.2.2']]);
  });

  test('of a node without an address are left out, said once, and there as soon as it has one', async () => {
    await using place = await open();
    await place.putNode(elsewhere);
    await place.directory.follow(network);
    await place.peers.begin(network);
    for (const last of [3, 4]) await place.putEndpoint(on(elsewhere, last));
    await until(
      'it was said',
      () => place.lines,
      (lines) => lines.length > 0,
    );
    await place.putNode(elsewhere, '192.0.2.2');
    const all = ['c3 192.0.2.2', 'c4 192.0.2.2'];
    await until(
      'both are told',
      () => place.told.at(-1),
      (last) => last?.join() === all.join(),
    );
    expect(place.lines).toEqual([expect.stringMatching(/^node n2 \(.{12}\) advertises no address: /)]);
  });

  test('that change in a burst cost a few passes, one at a time, and the last one has all', async () => {
    let running = 0;
    await using place = await open(async () => {
      running += 1;
      expect(running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
    });
    await place.putNode(elsewhere, '192.0.2.2');
    await place.directory.follow(network);
    await place.peers.begin(network);
    const burst = Array.from({ length: 200 }, (_, i) => i + 2);
    await Promise.all(burst.map((last) => place.putEndpoint(on(elsewhere, last))));
    await until(
      'all are told',
      () => place.told.at(-1),
      (last) => last?.length === 200,
    );
    expect(place.told.length).toBeLessThan(20);
  });

  test('that could not be programmed are said, and programmed the next time', async () => {
    let broken = true;
    await using place = await open(async (peers) => {
      if (broken && peers.length > 0) throw new Error('no such device');
    });
    await place.putNode(elsewhere, '192.0.2.2');
    await place.directory.follow(network);
    await place.peers.begin(network);
    await place.putEndpoint(on(elsewhere, 3));
    const line = `peers of network ${network.name}: no such device`;
    await until(
      'it was said',
      () => place.lines,
      (lines) => lines.includes(line),
    );
    broken = false;
    const before = place.told.length;
    place.peers.refresh(network.id);
    await until(
      'it was done again',
      () => place.told.length,
      (length) => length > before,
    );
    expect(place.told.at(-1)).toEqual(['c3 192.0.2.2']);
  });

  test('that nobody speaks for stay for a lease after the start, and go then', async () => {
    await using place = await open(undefined, 100);
    await place.directory.follow(network);
    await place.peers.begin(network);
    expect(place.spared).toEqual([true]);
    await until(
      'the grace is over',
      () => place.spared,
      (spared) => spared.length === 2,
    );
    expect(place.spared).toEqual([true, false]);
  });

  test('of a network that was left are told no more', async () => {
    await using place = await open();
    await place.putNode(elsewhere, '192.0.2.2');
    await place.directory.follow(network);
    await place.peers.begin(network);
    place.peers.end(network.id);
    place.peers.refresh(network.id);
    await place.putEndpoint(on(elsewhere, 3));
    await until(
      'the directory knows',
      () => place.directory.endpointsOf(network.id),
      (all) => all.length === 1,
    );
    expect(place.told).toEqual([[]]);
  });
});
