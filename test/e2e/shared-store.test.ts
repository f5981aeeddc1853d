import { describe, expect, it } from 'vitest';
import { Cluster } from '../rig/cluster.ts';
import { storeKinds } from '../rig/stores.ts';

describe.each(storeKinds)('two daemons on one $provider', (kind) => {
  it('share networks and services of global scope, and nothing of local scope', async () => {
    await using cluster = await Cluster.start({ kind, nodes: 2 });
    const [a, b] = [cluster.node(1), cluster.node(2)];
    await a.createNetwork('bar');
    await a.createNetwork('mine', 'bridge');
    await b.knows('bar');
    expect(await b.networkNames('global')).toEqual(['bar']);
    expect(await b.networkNames('local')).toEqual(['bridge', 'host', 'none']);
    expect((await cluster.store.list('networks/')).length).toBe(1);

    const asker = await a.runOn('bar', 'asker');
    await b.publish('my-service', 'bar');
    expect(await b.daemon.ok('run', '-d', '--name', 'web', 'x')).toMatch(/^[0-9a-f]{64}$/);
    await b.daemon.ok('service', 'attach', 'web', 'my-service.bar');
    const address = await b.addressOf('web', 'bar');
    await a.resolves(asker, 'my-service', [address]);
    await a.resolves(asker, 'my-service.bar', [address]);
    expect(await a.daemon.ok('service', 'ls')).toMatch(/my-service +bar +[0-9a-f]{12}/);

    await b.daemon.ok('service', 'detach', 'web', 'my-service.bar');
    await a.resolves(asker, 'my-service', []);
    expect((await a.daemon.run('fairlead', 'network', 'rm', 'bar')).stderr).toMatch(
      /network bar has active endpoints \(service my-service; container asker [0-9a-f]{12} on n1\)/,
    );
    await a.daemon.ok('service', 'unpublish', 'my-service.bar');
    await a.daemon.ok('rm', '-f', 'asker');
    expect(await b.daemon.ok('network', 'rm', 'bar')).toBe('bar');
    const left = (
      await Promise.all(
        ['networks/', 'network-names/', 'services/', 'endpoints/', 'addresses/', 'cursors/', 'vnis/'].map(
          (folder) => cluster.store.list(folder),
        ),
      )
    ).flat();
    expect(left).toEqual([]);
  });
});
