import { describe, expect, it } from 'vitest';
import { createTestModel } from '../../../rig/model.ts';

const message = (promise: Promise<unknown>) =>
  promise.then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );

async function runOn(model: Awaited<ReturnType<typeof createTestModel>>, name: string, network: string) {
  await model.containers.create({ name, image: 'x', networkMode: network });
  return await model.containers.start(name);
}

describe('services', () => {
  it('keep their address whoever backs them', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'foo' });
    const { service } = await model.services.publish('my-service.foo');
    await runOn(model, 'c1', 'bridge');
    await runOn(model, 'c2', 'bridge');
    const first = await model.services.attach(service.id, 'c1');
    expect(first.providers.map(({ ipv4 }) => ipv4)).toEqual([service.ipv4]);
    expect(await message(model.services.attach(service.id, 'c2'))).toContain(
      'a container has already joined the endpoint of service my-service: c1',
    );
    await model.services.detach(service.id, 'c1');
    expect((await model.services.find('my-service.foo')).providers).toEqual([]);
    const second = await model.services.attach(service.id, 'c2');
    expect(second.providers.map(({ ipv4, containerName }) => [ipv4, containerName])).toEqual([
      [service.ipv4, 'c2'],
    ]);
  });

  it('has one winner when two containers attach at once', async () => {
    await using model = await createTestModel();
    const { service } = await model.services.publish('s');
    await Promise.all(['c1', 'c2', 'c3'].map((name) => runOn(model, name, 'bridge')));
    const results = await Promise.all(
      ['c1', 'c2', 'c3'].map((name) => message(model.services.attach(service.id, name))),
    );
    expect(results.filter((result) => result === 'it succeeded')).toHaveLength(1);
    expect((await model.services.find(service.id)).providers).toHaveLength(1);
  });

  it('shared: each provider has an address of its own', async () => {
    await using model = await createTestModel();
    const { service } = await model.services.publish('s', { shared: true });
    for (const name of ['c1', 'c2', 'c3']) {
      await runOn(model, name, 'bridge');
      await model.services.attach(service.id, name);
    }
    const { providers } = await model.services.find('s');
    expect(new Set(providers.map(({ ipv4 }) => ipv4)).size).toBe(3);
  });

  it('unpublish refuses while a provider is attached, unless forced', async () => {
    await using model = await createTestModel();
    const { service } = await model.services.publish('s');
    const c1 = await runOn(model, 'c1', 'bridge');
    await model.services.attach(service.id, 'c1');
    expect(await message(model.services.unpublish(service.id))).toBe(
      `service with name s id ${service.id} has active containers (c1 ${c1.id.slice(0, 12)}); detach first, or use -f`,
    );
    await model.services.unpublish(service.id, { force: true });
    expect(await message(model.services.find('s'))).toBe('Service s not found on network bridge');
    expect(model.containers.find('c1').attachments).toHaveLength(1);
  });

  it.each([
    ['x.nonet', 'Network nonet does not exist'],
    ['.bridge', 'invalid name: the service name is empty; expected SERVICE[.NETWORK]'],
    [
      'a b',
      'invalid service name "a b": use letters, digits, "_", "-" and ".", beginning and ending with a letter or digit',
    ],
  ])('publish %s fails', async (ref, expected) => {
    await using model = await createTestModel();
    expect(await message(model.services.publish(ref))).toBe(expected);
  });

  it('takes the longest suffix that names a network', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'b.c' });
    await model.networks.create({ name: 'c' });
    expect((await model.services.publish('a.b.c')).network.name).toBe('b.c');
    expect((await model.services.publish('x.y.c')).service.name).toBe('x.y');
  });

  it('a stopped provider leaves, the service stays, and a start brings it back', async () => {
    await using model = await createTestModel();
    const { service } = await model.services.publish('s');
    await runOn(model, 'c1', 'bridge');
    await model.services.attach(service.id, 'c1');
    await model.containers.stop('c1');
    expect((await model.services.find('s')).providers).toEqual([]);
    await model.containers.start('c1');
    expect((await model.services.find('s')).providers.map(({ ipv4 }) => ipv4)).toEqual([service.ipv4]);
  });
});

describe('--publish-service', () => {
  const create = (model: Awaited<ReturnType<typeof createTestModel>>, name: string, service: string) =>
    model.containers.create({ name, image: 'x', publishServices: [service] });

  it('fails where the network does not exist', async () => {
    await using model = await createTestModel();
    expect(await message(create(model, 'c1', 'db.nonet'))).toBe('Network nonet does not exist');
    expect(model.containers.list()).toEqual([]);
  });

  it('creates a missing service at the start, not at create', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'foo' });
    await create(model, 'c1', 'db.foo');
    expect(await model.services.list()).toEqual([]);
    await model.containers.start('c1');
    const [view] = await model.services.list();
    expect([view?.service.name, view?.network.name, view?.providers[0]?.containerName]).toEqual([
      'db',
      'foo',
      'c1',
    ]);
  });

  it('takes a service without provider, refuses one that has one, and leaves nothing of the failure', async () => {
    await using model = await createTestModel();
    const { service } = await model.services.publish('db');
    await create(model, 'c1', 'db');
    await model.containers.start('c1');
    expect((await model.services.find('db')).service.id).toBe(service.id);
    await create(model, 'c2', 'db');
    expect(await message(model.containers.start('c2'))).toContain(
      'Cannot start container c2: a container has already joined the endpoint of service db: c1',
    );
    expect(model.containers.find('c2').state.status).toBe('created');
    expect((await model.dataplane.owned()).sandboxes).toHaveLength(1);
  });

  it('refuses another network mode beside it', async () => {
    await using model = await createTestModel();
    const both = model.containers.create({ image: 'x', networkMode: 'none', publishServices: ['db'] });
    expect(await message(both)).toBe('conflicting options: publishing a service and network mode');
  });

  it('keeps the service when the container stops or is removed, with its id and address', async () => {
    await using model = await createTestModel();
    await create(model, 'c1', 'db');
    await model.containers.start('c1');
    const [before] = await model.services.list();
    await model.containers.restart('c1');
    expect((await model.services.list())[0]).toMatchObject({
      service: before?.service,
      providers: [{ containerName: 'c1' }],
    });
    await model.containers.remove('c1', { force: true });
    expect((await model.services.list())[0]).toEqual({ ...before, providers: [] });
  });
});
