import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Cluster, type ClusterNode } from '../rig/cluster.ts';
import { type Records, readRecords, violationsIn } from '../rig/invariants.ts';
import { NameWatch } from '../rig/name-watch.ts';
import { storeKinds } from '../rig/stores.ts';
import { Traffic } from '../rig/traffic.ts';
import { until } from '../rig/until.ts';

const outageMs = 30_000;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A network with a service and containers of both nodes, and who may ask for their names. */
async function populate(cluster: Cluster) {
  const [a, b] = [cluster.node(1), cluster.node(2)];
  await a.createNetwork('bar');
  await b.knows('bar');
  const askers = { a: await a.runOn('bar', 'on-a'), b: await b.runOn('bar', 'on-b') };
  const service = await a.publish('db', 'bar');
  await b.runOn('bridge', 'back');
  expect((await b.attach(service, 'back')).status).toBe(200);
  const names = { 'on-a': [askers.a], 'on-b': [askers.b], db: [await b.addressOf('back', 'bar')] };
  for (const [name, addresses] of Object.entries(names)) {
    await a.resolves(askers.a, name, addresses);
    await b.resolves(askers.b, name, addresses);
  }
  return { a, b, askers, service, names };
}

/** What an outage must not change: ids and addresses. Endpoints are put again, and so are nodes. */
function essence({ networks, services, endpoints, names, vnis, subnets }: Records) {
  const endpointText = [...endpoints]
    .map(([key, { ipv4, name, nodeId }]) => `${key} ${name} ${ipv4} ${nodeId}`)
    .sort();
  return { networks, services, names, vnis, subnets, endpointText };
}

/** All that was there before is there again, by its old ids and addresses, and nothing else. */
async function hasAgain(cluster: Cluster, before: ReturnType<typeof essence>): Promise<void> {
  // The test's own connection has to find back, too.
  const look = () => readRecords(cluster.store).then(essence, () => undefined);
  const isSame = (seen: typeof before | undefined) => isDeepStrictEqual(seen, before);
  await until('all records are there again', look, isSame, 30_000);
}

async function isReachable(node: ClusterNode): Promise<void> {
  const look = async () => (await node.daemon.call('GET', '/info')).text;
  await until(`${node.name} reaches the store`, look, (text) => !text.includes('"reachable":false'), 30_000);
}

/** The cluster works, on every node, and its records agree. */
async function hasConverged(cluster: Cluster): Promise<void> {
  await cluster.allJoined();
  for (const node of cluster.nodes) await isReachable(node);
  const look = async () => violationsIn(await readRecords(cluster.store)).violations;
  await until('no violation', look, (violations) => violations.length === 0, 30_000);
  for (const node of cluster.nodes) await node.createNetwork(`after-${node.name}`);
  for (const node of cluster.nodes) await node.must('DELETE', `/networks/after-${node.name}`);
}

describe.concurrent.each(storeKinds)('$provider away for 30 s, then wiped', (kind) => {
  it('no name fails, local networks work, global writes say why, and no record is lost', async () => {
    await using cluster = await Cluster.start({ kind, nodes: 2 });
    const { a, b, askers, names } = await populate(cluster);
    const before = essence(await readRecords(cluster.store));
    const watches = [new NameWatch(a, askers.a, names), new NameWatch(b, askers.b, names)];
    const traffic = [new Traffic(a), new Traffic(b)];
    await pause(500);
    await cluster.running.server.stop();
    await pause(outageMs);
    const info = await a.daemon.ok('info');
    await cluster.running.server.start();
    const reports = await Promise.all(traffic.map((one) => one.end()));
    await hasConverged(cluster);
    for (const { local, localFailures, refusals, made } of reports) {
      expect(localFailures).toEqual([]);
      expect(local).toBeGreaterThan(100);
      expect(refusals.length).toBeGreaterThan(50);
      for (const { status, text } of refusals) {
        expect([status, text]).toEqual([
          503,
          expect.stringMatching(/kv store \S+ is unreachable since \d{4}-.*: \S/),
        ]);
      }
      // The first ones may have been on their way when the store went.
      expect(refusals.slice(5).filter(({ took }) => took > 1000)).toEqual([]);
      for (const name of made) await a.must('DELETE', `/networks/${name}`);
    }
    expect(info).toMatch(
      /^Store: \w+:127\.0\.0\.1:\d+\S* \(degraded, data [23]\d s old: unreachable since \d{4}-\S+: .+\)$/m,
    );
    await hasAgain(cluster, before);

    await cluster.wipe();
    await hasAgain(cluster, before);
    await hasConverged(cluster);
    await pause(1000);
    for (const watch of watches) {
      const { asked, failures } = await watch.end();
      expect(failures).toEqual([]);
      expect(asked).toBeGreaterThan(200);
    }
  });

  it('one node cut off for longer than its lease: it knows its own, the others take it for dead', async () => {
    await using cluster = await Cluster.start({ kind, nodes: 2, leaseTtl: '6s' });
    const { a, b, askers, names, service } = await populate(cluster);
    const own = new NameWatch(a, askers.a, names);
    const { 'on-a': _, ...ofB } = names;
    const others = new NameWatch(b, askers.b, ofB);
    const traffic = new Traffic(a);
    a.wire.freeze();
    await b.resolves(askers.b, 'on-a', [], 30_000);
    // What leaves while nobody can be told leaves here at once, and there when it can be told.
    await a.runOn('bridge', 'later');
    expect((await a.attach(service, 'later')).status).toBeGreaterThanOrEqual(400);
    await pause(8000);
    a.wire.heal();
    await b.resolves(askers.b, 'on-a', names['on-a'], 30_000);
    const { localFailures, made } = await traffic.end();
    await hasConverged(cluster);
    expect(localFailures).toEqual([]);
    for (const name of made) await b.must('DELETE', `/networks/${name}`);
    await pause(1000);
    expect((await own.end()).failures).toEqual([]);
    expect((await others.end()).failures).toEqual([]);
  });

  it('a container that stops meanwhile leaves the names here at once, and everywhere later', async () => {
    await using cluster = await Cluster.start({ kind, nodes: 2 });
    const { a, b, askers, names } = await populate(cluster);
    await b.runOn('bar', 'gone');
    const gone = await b.addressOf('gone', 'bar');
    await a.resolves(askers.a, 'gone', [gone]);
    await cluster.running.server.stop();
    await until(
      'b notices',
      () => b.daemon.call('POST', '/networks/create', { Name: 'x', Driver: 'overlay' }),
      ({ status }) => status === 503,
    );
    await b.must('POST', '/containers/gone/stop');
    await b.resolves(askers.b, 'gone', []);
    await a.resolves(askers.a, 'gone', [gone]);
    // Shorter than the lease: nothing ends it, so that the record must be taken away.
    await cluster.running.server.start();
    await a.resolves(askers.a, 'gone', [], 20_000);
    await b.resolves(askers.b, 'gone', []);
    await a.resolves(askers.a, 'db', names.db);
    await hasConverged(cluster);
  });
});
