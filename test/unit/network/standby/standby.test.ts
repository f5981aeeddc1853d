import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import { inLine, nextOrder, rankOf, reasonToYield } from '../../../../src/cluster/endpoints/standby.ts';
import { createTestModel } from '../../../rig/model.ts';
import { until } from '../../../rig/until.ts';

type TestModel = Awaited<ReturnType<typeof createTestModel>>;

async function runOn(model: TestModel, name: string, network: string) {
  await model.containers.create({ name, image: 'x', networkMode: network });
  return await model.containers.start(name);
}

const holderOf = async (model: TestModel, ref = 'db.mh') =>
  (await model.services.find(ref)).providers.map(({ containerName, ipv4, mac }) => ({
    containerName,
    ipv4,
    mac,
  }));

const heldBy = (model: TestModel, name: string | undefined) =>
  until(
    `${name} has it`,
    async () => (await holderOf(model))[0]?.containerName,
    (found) => found === name,
  );

/** Two nodes with a network and a service; c1 on the first has it, c2 on the second stands by, c3 on the first is the last. */
async function cluster() {
  const globalStore = new MemoryStore();
  const a = await createTestModel({ globalStore, advertise: '192.0.2.1', leaseTtlSeconds: 1 });
  const b = await createTestModel({ globalStore, advertise: '192.0.2.2', leaseTtlSeconds: 1 });
  await a.networks.create({ name: 'mh', driver: 'overlay' });
  const { service } = await a.services.publish('db.mh');
  await until('the other node knows the service', () => b.directory.services().length === 1);
  for (const [model, name] of [
    [a, 'c1'],
    [b, 'c2'],
    [a, 'c3'],
  ] as const) {
    await runOn(model, name, 'mh');
    await model.services.attach('db.mh', name, { standby: true });
    for (const other of [a, b])
      await until('all know the candidate', () =>
        other.directory.candidates().some(({ containerName }) => containerName === name),
      );
  }
  /** Service events of both nodes so far. */
  const moved = () =>
    [a, b].flatMap(({ events }) =>
      events
        .past()
        .filter(({ Type }) => Type === 'service')
        .map(({ Action, Actor: { Attributes } }) => {
          const { from, why, reason } = Attributes;
          return [Action, from, why, reason].filter(Boolean).join(' ');
        }),
    );
  return {
    ...{ a, b, service, moved },
    async [Symbol.asyncDispose]() {
      for (const model of [a, b]) await model[Symbol.asyncDispose]();
      await globalStore.close();
    },
  };
}

describe('whose turn it is', () => {
  const one = (containerId: string, order: number, ready = true) => ({ containerId, order, ready });
  const all = [one('c', 3), one('b', 2), one('a', 2), one('d', 1, false)];

  it('is told by order, then by id; who is not ready has none', () => {
    expect(inLine({}, all).map(({ containerId }) => containerId)).toEqual(['a', 'b', 'c']);
    expect(['a', 'b', 'c', 'd', 'x'].map((id) => rankOf({}, all, id))).toEqual([
      0,
      1,
      2,
      undefined,
      undefined,
    ]);
    expect(rankOf({ promoted: { containerId: 'c', preempt: false } }, all, 'c')).toBe(0);
    expect([nextOrder([]), nextOrder(all)]).toEqual([1, 4]);
  });

  it('a holder lets go when it is unhealthy or another is promoted, and only if that one could serve', () => {
    expect(reasonToYield({}, all, 'a')).toBeUndefined();
    expect(reasonToYield({}, all, 'd')).toBe('unhealthy');
    expect(reasonToYield({}, [one('d', 1, false), one('e', 2, false)], 'd')).toBeUndefined();
    expect(reasonToYield({ promoted: { containerId: 'c', preempt: true } }, all, 'a')).toBe('promoted');
    expect(reasonToYield({ promoted: { containerId: 'd', preempt: true } }, all, 'a')).toBeUndefined();
    expect(reasonToYield({ promoted: { containerId: 'a', preempt: true } }, all, 'a')).toBeUndefined();
  });
});

describe('a standby', () => {
  it('takes over when the holder ends, with its address and MAC, and the one that is back waits', async () => {
    await using rig = await cluster();
    const { a, b, service, moved } = rig;
    const place = { ipv4: service.ipv4, mac: service.mac };
    expect(await holderOf(a)).toEqual([{ containerName: 'c1', ...place }]);
    await a.containers.stop('c1');
    await heldBy(a, 'c2');
    expect(await holderOf(b)).toEqual([{ containerName: 'c2', ...place }]);
    await until('it is said', () => moved().includes('takeover c1 ended'));
    expect((await b.services.find('db.mh')).providers[0]?.tookOver).toEqual({ from: 'c1', why: 'ended' });
    await a.containers.start('c1');
    expect((await a.services.find('db.mh')).candidates.map(({ containerName }) => containerName)).toEqual([
      'c1',
      'c2',
      'c3',
    ]);
    expect(await holderOf(a)).toEqual([{ containerName: 'c2', ...place }]);
    // First in line again, so it is the next.
    await b.containers.remove('c2', { force: true });
    await heldBy(b, 'c1');
  });

  it('takes over from one that is unhealthy, and not while it is unhealthy itself', async () => {
    await using rig = await cluster();
    const { a, b, moved } = rig;
    await b.containers.setHealth('c2', 'unhealthy');
    await until('all know it', () => a.directory.candidates().some(({ ready }) => !ready));
    await a.containers.setHealth('c1', 'unhealthy');
    await heldBy(b, 'c3');
    expect(moved()).toContain('release unhealthy');
    await until('it is said', () => moved().includes('takeover c1 unhealthy'));
    // Whoever has it keeps it where nobody else could serve.
    await a.containers.setHealth('c3', 'unhealthy');
    await a.reconcile();
    expect((await holderOf(a))[0]?.containerName).toBe('c3');
    await b.containers.setHealth('c2', 'healthy');
    await heldBy(a, 'c2');
  });

  it('takes over when the holder is detached, and one that is detached stands by no longer', async () => {
    await using rig = await cluster();
    const { a, b, service } = rig;
    await b.services.detach(service.id, 'c2');
    await a.services.detach(service.id, 'c1');
    await heldBy(b, 'c3');
    await a.services.detach(service.id, 'c3');
    await heldBy(b, undefined);
    expect((await b.services.find('db.mh')).candidates).toEqual([]);
    expect(a.containers.find('c3').attachments).toHaveLength(1);
  });

  it('takes over when the node of the holder is gone', async () => {
    await using rig = await cluster();
    await rig.a.nodeLease.leave();
    await heldBy(rig.b, 'c2');
    await until('it is said', () => rig.moved().includes('takeover c1 its node is gone'));
  });

  it('is promoted: once, or whenever it is ready', async () => {
    await using rig = await cluster();
    const { a, b } = rig;
    expect((await a.services.promote('db.mh', 'c2')).providers[0]?.containerName).toBe('c2');
    await until('that was once', () => b.directory.services()[0]?.promoted === undefined);
    await b.containers.restart('c2');
    await heldBy(a, 'c1');
    await b.services.promote('db.mh', 'c3', { preempt: true });
    await heldBy(b, 'c3');
    await a.containers.stop('c3');
    await heldBy(b, 'c1');
    await a.containers.start('c3');
    await heldBy(b, 'c3');
  });

  it('is refused where it makes no sense, and nothing is left', async () => {
    await using rig = await cluster();
    const { a, b } = rig;
    await a.services.publish('web.mh', { shared: true });
    await runOn(a, 'c4', 'mh');
    await expect(a.services.attach('web.mh', 'c4', { standby: true })).rejects.toThrow(
      'service web.mh is shared: every container that is attached to it provides it; only an exclusive service has a standby',
    );
    await expect(a.services.promote('db.mh', 'c4')).rejects.toThrow(
      'container c4 does not stand by for service db.mh: attach it with --standby first',
    );
    await b.containers.setHealth('c2', 'unhealthy');
    await expect(b.services.promote('db.mh', 'c2')).rejects.toThrow(
      'container c2 cannot take over service db.mh: it is not healthy',
    );
    await expect(a.services.attach('db.mh', 'c3', { standby: true })).rejects.toThrow(
      'container c3 is already attached to service db on network mh',
    );
    expect(a.containers.find('c4').attachments).toHaveLength(1);
  });

  it('goes with its service', async () => {
    await using rig = await cluster();
    const { a, b, service } = rig;
    await expect(b.services.unpublish(service.id)).rejects.toThrow('has active containers (c1 ');
    await b.services.unpublish(service.id, { force: true });
    for (const model of [a, b]) {
      await until('no container has it any more', () =>
        model.containers.list().every(({ attachments }) => attachments.length === 1),
      );
      await until('nobody stands by', () => model.directory.candidates().length === 0);
    }
  });

  it('has a place of its own with --publish-service, and the service is published by the first', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'mh' });
    for (const name of ['c1', 'c2']) {
      await model.containers.create({ name, image: 'x', publishServices: ['db.mh'], standby: true });
      await model.containers.start(name);
    }
    expect((await holderOf(model))[0]?.containerName).toBe('c1');
    expect(model.containers.find('c2').attachments.map(({ endpoint }) => endpoint?.name)).toEqual([
      'c2',
      undefined,
    ]);
    await model.containers.stop('c1');
    await heldBy(model, 'c2');
    await expect(model.containers.create({ name: 'c3', image: 'x', standby: true })).rejects.toThrow(
      '--standby needs a service: give --publish-service SERVICE[.NETWORK]',
    );
  });

  it('makes the container that had the service before the first of all', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'mh' });
    await model.services.publish('db.mh');
    for (const name of ['c1', 'c2']) await runOn(model, name, 'bridge');
    await model.services.attach('db.mh', 'c1');
    await model.services.attach('db.mh', 'c2', { standby: true });
    await until('c1 is one of them', () => model.directory.candidates().length === 2);
    await model.containers.restart('c1');
    await heldBy(model, 'c2');
    await model.containers.stop('c2');
    await heldBy(model, 'c1');
  });
});
