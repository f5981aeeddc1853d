import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Cluster } from '../rig/cluster.ts';
import { type Records, readRecords } from '../rig/invariants.ts';
import { NameWatch } from '../rig/name-watch.ts';
import { hasConverged, populate } from '../rig/populated.ts';
import { storeKinds } from '../rig/stores.ts';
import { Traffic } from '../rig/traffic.ts';
import { until } from '../rig/until.ts';

const outageMs = 30_000;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

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

describe.concurrent.each(storeKinds)('$provider away for 30 s, then wiped', (kind) => {
  it('no name fails, local networks work, global writes say why, and no record is lost', async () => {
    await using cluster = await Cluster.start({ kind, nodes: 2 });
    const { a, b, askers, names } = await populate(cluster);
    await b.must('POST', '/apps', { name: 'shop' });
    await b.must('POST', '/apps/shop/scale', { scale: { web: 2 } });
    const apps = await cluster.store.list('apps/');
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
    for (const { local, localFailures, refusals, made, unsure } of reports) {
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
      for (const name of unsure)
        expect([204, 404]).toContain((await a.daemon.call('DELETE', `/networks/${name}`)).status);
    }
    expect(info).toMatch(
      /^Store: \w+:127\.0\.0\.1:\d+\S* \(degraded, data [23]\d s old: unreachable since \d{4}-\S+: .+\)$/m,
    );
    await hasAgain(cluster, before);

    await cluster.wipe();
    await hasAgain(cluster, before);
    const values = (entries: typeof apps) => entries.map(({ key, value }) => [key, value]);
    expect(values(await cluster.store.list('apps/'))).toEqual(values(apps));
    await hasConverged(cluster);
    await pause(1000);
    for (const watch of watches) {
      const { asked, failures } = await watch.end();
      expect(failures).toEqual([]);
      expect(asked).toBeGreaterThan(200);
    }
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
