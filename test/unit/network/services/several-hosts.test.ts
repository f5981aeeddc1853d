import { afterAll, beforeAll, expect, it } from 'vitest';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import { createTestModel } from '../../../rig/model.ts';
import { until } from '../../../rig/until.ts';

type Model = Awaited<ReturnType<typeof createTestModel>>;

/** Outcomes of libnetwork's multi.bats: three hosts, each of which makes, sees and removes what another has made. */
const hosts: Model[] = [];

beforeAll(async () => {
  const globalStore = new MemoryStore();
  for (const n of [1, 2, 3]) hosts.push(await createTestModel({ globalStore, advertise: `192.0.2.${n}` }));
});
afterAll(async () => {
  for (const host of hosts) await host[Symbol.asyncDispose]();
});

const everywhere = (what: (host: Model) => unknown) =>
  until('every host knows', () => hosts.every((host) => what(host)));
const sees = (name: string) => (host: Model) => host.networks.list().some((one) => one.name === name);

/** Never the one that made it. */
const otherThan = (host: Model) => hosts[(hosts.indexOf(host) + 1) % hosts.length] ?? host;

it('a network that any host makes is seen by all, and removed by another', async () => {
  for (const host of hosts) {
    await host.networks.create({ name: 'mh', driver: 'overlay' });
    await everywhere(sees('mh'));
    await otherThan(host).networks.remove('mh');
    await everywhere((one) => !sees('mh')(one));
  }
});

it('a service has one container of all hosts, and keeps its network until it is free', async () => {
  for (const host of hosts) {
    const other = otherThan(host);
    await host.networks.create({ name: 'mh', driver: 'overlay' });
    await everywhere(sees('mh'));
    await other.services.publish('svc.mh');
    for (const one of [host, other]) {
      await one.containers.create({ name: 'c1', image: 'x' });
      await one.containers.start('c1');
    }
    const { service } = await host.services.find('svc.mh');
    await host.services.attach(service.id, 'c1');
    expect((await other.services.find('svc.mh')).providers).toMatchObject([{ containerName: 'c1' }]);
    await expect(other.services.attach(service.id, 'c1')).rejects.toThrow('has already joined the endpoint');
    await expect(other.services.unpublish(service.id)).rejects.toThrow();
    await expect(other.networks.remove('mh')).rejects.toThrow();
    await host.services.detach(service.id, 'c1');
    await other.services.unpublish(service.id);
    await other.networks.remove('mh');
    for (const one of [host, other]) await one.containers.remove('c1', { force: true });
  }
});
