import { describe, expect, it } from 'vitest';
import type { Store, Write } from '../../../../kvstore/store.ts';
import type { Firewall } from '../../../../src/dataplane/firewall.ts';
import { createSimulatedDataplane } from '../../../../src/dataplane/simulated.ts';
import { createTestModel } from '../../../rig/model.ts';
import { withFault } from '../../../rig/with-fault.ts';

async function runOn(model: Awaited<ReturnType<typeof createTestModel>>, name: string, network: string) {
  await model.containers.create({ name, image: 'x', networkMode: network });
  return await model.containers.start(name);
}

/** Somebody else writes just before the first commit that has the key. */
function meddling(store: Store, key: string, writes: readonly Write[]): Store {
  let done = false;
  return withFault(store, {
    async commit(checks, wanted) {
      if (!done && wanted.some((write) => write.key === key)) {
        done = true;
        await store.commit([], writes);
      }
      return await store.commit(checks, wanted);
    },
  });
}

describe('a crash', () => {
  it('leaves running containers on their networks', async () => {
    await using first = await createTestModel();
    await first.networks.create({ name: 'foo' });
    const { service } = await first.services.publish('s.foo');
    await runOn(first, 'c1', 'foo');
    await first.services.attach(service.id, 'c1');
    await first.crash();
    await using second = await createTestModel({ store: first.store, nodeId: first.nodeId });
    expect((await second.services.find('s.foo')).providers.map(({ containerName }) => containerName)).toEqual(
      ['c1'],
    );
    expect(second.networks.list().map(({ id }) => id)).toEqual(first.networks.list().map(({ id }) => id));
    expect((await second.dataplane.owned()).interfaces).toHaveLength(2);
  });

  it('leaves firewall rules, which stay until all networks are known again', async () => {
    await using first = await createTestModel();
    await first.networks.create({ name: 'foo' });
    await runOn(first, 'c1', 'foo');
    await first.crash();
    const applied: Firewall[] = [];
    const dataplane = createSimulatedDataplane();
    dataplane.applyFirewall = async (rules) => void applied.push(rules);
    await using _second = await createTestModel({ store: first.store, nodeId: first.nodeId, dataplane });
    expect(applied.length).toBeGreaterThan(1);
    expect(applied.map(({ partial }) => partial)).toEqual(applied.map((_, i) => i < applied.length - 1));
    expect(
      applied
        .at(-1)
        ?.networks.map(({ subnets }) => subnets[0])
        .sort(),
    ).toEqual(['172.17.0.0/16', '172.18.0.0/16']);
  });

  it('leaves a place that is lost between the look at it and the claim: it is made again, address and all', async () => {
    await using first = await createTestModel();
    const { id } = first.networks.find('bridge');
    await runOn(first, 'c1', 'bridge');
    const [endpoint] = first.directory.endpointsOf(id);
    const [record, address] = [`endpoints/${id}/${endpoint?.id}`, `addresses/${id}/172.17.0.2`];
    await first.crash();
    const store = meddling(first.store, record, [
      { op: 'delete', key: record },
      { op: 'delete', key: address },
    ]);
    await using second = await createTestModel({ store, nodeId: first.nodeId });
    expect(second.directory.endpointsOf(id)).toEqual([endpoint]);
    expect(JSON.parse((await first.store.get(address))?.value ?? '')).toMatchObject({ id: endpoint?.id });
  });

  it('leaves a place that another takes between the look at it and the claim: it is lost', async () => {
    await using first = await createTestModel();
    const { id } = first.networks.find('bridge');
    await runOn(first, 'c1', 'bridge');
    const [endpoint] = first.directory.endpointsOf(id);
    const key = `endpoints/${id}/${endpoint?.id}`;
    await first.crash();
    const taken = {
      ...endpoint,
      containerId: 'e'.repeat(64),
      containerName: 'other',
      nodeId: 'd'.repeat(64),
    };
    const store = meddling(first.store, key, [{ op: 'put', key, value: JSON.stringify(taken) }]);
    await using second = await createTestModel({ store, nodeId: first.nodeId });
    expect(second.directory.endpointsOf(id)).toEqual([taken]);
    expect(second.containers.find('c1').attachments).toEqual([]);
  });

  it('leaves endpoints and addresses that nobody claims, which the next start sweeps', async () => {
    await using first = await createTestModel();
    const { id } = first.networks.find('bridge');
    const c1 = await runOn(first, 'c1', 'bridge');
    const endpoint = first.directory.endpointsOf(id)[0];
    const stray = { ...endpoint, id: 'f'.repeat(64), name: 'stray', ipv4: '172.17.0.99/16' };
    const owner = { owner: 'endpoint', id: stray.id, nodeId: first.nodeId };
    await first.store.commit(
      [],
      [
        { op: 'put', key: `endpoints/${id}/${stray.id}`, value: JSON.stringify(stray) },
        { op: 'put', key: `addresses/${id}/172.17.0.99`, value: JSON.stringify(owner) },
      ],
    );
    await first.crash();
    await using second = await createTestModel({ store: first.store, nodeId: first.nodeId });
    expect(second.directory.endpointsOf(id).map(({ containerId }) => containerId)).toEqual([c1.id]);
    expect((await second.store.list(`addresses/${id}/`)).map(({ key }) => key)).toEqual([
      `addresses/${id}/${endpoint?.ipv4?.split('/')[0]}`,
    ]);
  });

  it('in the middle of a removal: the next start ends it', async () => {
    await using first = await createTestModel();
    const network = await first.networks.create({ name: 'foo' });
    const marked = { ...network, removing: { nodeId: first.nodeId } };
    await first.store.commit(
      [],
      [{ op: 'put', key: `networks/${network.id}`, value: JSON.stringify(marked) }],
    );
    await first.crash();
    await using second = await createTestModel({ store: first.store, nodeId: first.nodeId });
    expect(second.networks.list().map(({ name }) => name)).toEqual(['bridge', 'host', 'none']);
  });
});
