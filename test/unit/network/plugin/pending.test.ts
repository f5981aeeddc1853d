import { expect, it } from 'vitest';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import { folders } from '../../../../src/cluster/keys.ts';
import { createTestModel } from '../../../rig/model.ts';

it('what a dead Engine was in the middle of goes with the next look after another one has come, and not before', async () => {
  await using model = await createTestModel({ store: new MemoryStore(), engine: true });
  const { id } = await model.networks.create({ name: 'near', ipam: { config: [{ subnet: '10.7.0.0/24' }] } });
  await model.containers.create({ name: 'c1', image: 'x', networkMode: 'near' });
  await model.containers.start('c1');
  const { plugin } = model;
  if (!plugin) throw new Error('no plugin');
  const poolId = `${id}/10.7.0.0/24`;
  const ipv4 = await plugin.requestAddress(poolId, '', 'endpoint');
  await plugin.createEndpoint(model.engine?.side.links.engineNetworkOf(id) ?? '', {
    ...{ engineEndpointId: 'e'.repeat(64), ipv4, ipv6: '', mac: '' },
  });
  await plugin.requestAddress(poolId, '', 'endpoint');
  const held = async () => [
    (await model.store.list(folders.addressesOf(id))).length,
    (await model.store.list(folders.endpointsOf(id))).length,
  ];
  await model.reconcile();
  expect(await held()).toEqual([3, 2]);
  plugin.activated();
  await model.reconcile();
  expect(await held()).toEqual([1, 1]);
});

it('nor is an address left on a network that this host does not take part in', async () => {
  const shared = new MemoryStore();
  await using model = await createTestModel({ store: new MemoryStore(), globalStore: shared, engine: true });
  const { id } = await model.networks.create({ name: 'far', driver: 'overlay' });
  const { subnet } = model.networks.find('far').ipam.pools[0] ?? {};
  await model.plugin?.requestAddress(`${id}/${subnet}`, '', 'endpoint');
  const held = async () => (await shared.list(folders.addressesOf(id))).length;
  await model.reconcile();
  expect(await held()).toBe(1);
  model.plugin?.activated();
  await model.reconcile();
  expect(await held()).toBe(0);
});
