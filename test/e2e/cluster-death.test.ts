import { describe, expect, it } from 'vitest';
import { Cluster } from '../rig/cluster.ts';
import { readRecords, violationsIn } from '../rig/invariants.ts';
import { storeKinds } from '../rig/stores.ts';
import { until } from '../rig/until.ts';

/** With the default lease of 15 s. */
describe.concurrent.each(storeKinds)('kill -9 of a node on $provider', (kind) => {
  it('takes its endpoints out of DNS within 20 s, frees its services, and gives none of it two owners', async () => {
    await using cluster = await Cluster.start({ kind, nodes: 3 });
    const [n1, n2, n3] = [cluster.node(1), cluster.node(2), cluster.node(3)];
    await n2.createNetwork('bar');
    await n1.knows('bar');
    await n3.knows('bar');
    const web = await n1.runOn('bar', 'web');
    await n1.runOn('bridge', 'back');
    const askers = [await n2.runOn('bar', 'two'), await n3.runOn('bar', 'three')] as const;
    const db = await n2.publish('db', 'bar');
    const cache = await n2.publish('cache', 'bar');
    for (const service of [db, cache]) expect((await n1.attach(service, 'back')).status).toBe(200);
    const dbAddress = await serviceAddress(cluster, 'db');
    await n3.resolves(askers[1], 'web', [web]);
    await n3.resolves(askers[1], 'db', [dbAddress]);

    await n1.daemon.kill('SIGKILL');
    const died = performance.now();
    for (const [node, asker] of [
      [n2, askers[0]],
      [n3, askers[1]],
    ] as const) {
      for (const name of ['web', 'db', 'cache'])
        await node.resolves(asker, name, [], 20_000 - (performance.now() - died));
    }
    expect(JSON.parse((await n2.daemon.call('GET', '/fairlead/nodes')).text)).toHaveLength(2);
    // The service stays, and its address; whoever comes next has both. What was web's is held for it.
    expect((await n3.attach(db, 'three')).status).toBe(200);
    await n2.resolves(askers[0], 'db', [dbAddress]);
    const held = await cluster.store.get(`addresses/${await n2.networkId('bar')}/${web}`);
    expect(held?.value).toContain('"owner":"endpoint"');

    await n1.daemon.start();
    await cluster.allJoined();
    await n2.resolves(askers[0], 'web', [web]);
    await n2.resolves(askers[0], 'cache', [await serviceAddress(cluster, 'cache')]);
    await n2.resolves(askers[0], 'db', [dbAddress]);
    const providers = await n1.daemon.ok('service', 'ls', '--format', '{{.Name}} {{.ProviderName}}');
    expect(providers.split('\n')).toEqual(['cache back', 'db three']);
    const lost = 'its place was taken by three meanwhile';
    expect(n1.daemon.output).toContain(`container back is detached from db.bar: ${lost}`);
    const events = await n1.daemon.call('GET', `/events?since=0&until=${Math.ceil(Date.now() / 1000)}`);
    const said = events.text.split('\n').filter((line) => line.includes('"lost"'));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(lost);
    expect(violationsIn(await readRecords(cluster.store)).violations).toEqual([]);
  });

  it('a daemon that is back within its lease goes on with it: no endpoint is written again', async () => {
    await using cluster = await Cluster.start({ kind, nodes: 1 });
    const node = cluster.node(1);
    await node.createNetwork('bar');
    const web = await node.runOn('bar', 'web');
    await node.runOn('bar', 'gone');
    const [before, leases] = await leasedBy(cluster);
    expect(before).toHaveLength(2);
    expect(leases).toHaveLength(1);
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await node.daemon.kill(signal);
      await node.daemon.start();
      await node.joined();
      expect(await leasedBy(cluster)).toEqual([before, leases]);
    }
    // And its records are this daemon's to change.
    await node.must('POST', '/containers/gone/stop?t=0');
    const left = (await cluster.store.list('endpoints/')).map(({ value }) => JSON.parse(value).ipv4);
    expect(left).toEqual([`${web}/24`]);
  });
});

/** Endpoints with their versions, and the leases that they and the nodes are on. */
async function leasedBy({ store }: Cluster): Promise<readonly [readonly string[], readonly unknown[]]> {
  const endpoints = await store.list('endpoints/');
  const nodes = await store.list('nodes/');
  return [
    endpoints.map(({ key, version }) => `${key} ${version}`),
    [...new Set([...endpoints, ...nodes].map(({ lease }) => lease))],
  ];
}

async function serviceAddress(cluster: Cluster, name: string): Promise<string> {
  const look = async () => (await readRecords(cluster.store)).services;
  const services = await until(`${name} is published`, look, (all) =>
    [...all.values()].some((one) => one.name === name),
  );
  return [...services.values()].find((service) => service.name === name)?.ipv4?.split('/')[0] ?? '';
}
