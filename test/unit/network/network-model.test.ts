import { describe, expect, it } from 'vitest';
import type { Store, Write } from '../../../kvstore/store.ts';
import type { Firewall } from '../../../src/dataplane/firewall.ts';
import { createSimulatedDataplane } from '../../../src/dataplane/simulated.ts';
import { createTestModel } from '../../rig/model.ts';
import { withFault } from '../../rig/with-fault.ts';

const message = (promise: Promise<unknown>) =>
  promise.then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );

async function runOn(model: Awaited<ReturnType<typeof createTestModel>>, name: string, network: string) {
  await model.containers.create({ name, image: 'x', networkMode: network });
  return await model.containers.start(name);
}

async function allKeys({ store }: Awaited<ReturnType<typeof createTestModel>>) {
  const folders = [
    'networks',
    'network-names',
    'services',
    'endpoints',
    'addresses',
    'cursors',
    'containers',
  ];
  const lists = await Promise.all(folders.map((folder) => store.list(`${folder}/`)));
  return [...lists.flat().map(({ key }) => key), (await store.get('subnets'))?.value];
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

describe('networks', () => {
  it('has the three predefined ones, in the order of docker network ls', async () => {
    await using model = await createTestModel();
    const types = model.networks.list().map(({ name, driver }) => `${name} ${driver}`);
    expect(types).toEqual(['bridge bridge', 'host host', 'none null']);
    expect(model.networks.find('bridge').ipam.pools[0]?.subnet).toBe('172.17.0.0/16');
  });

  it('gives 20 clients that create one name one success and 19 clear conflicts', async () => {
    await using model = await createTestModel();
    const results = await Promise.all(
      Array.from({ length: 20 }, () => message(model.networks.create({ name: 'same' }))),
    );
    expect(results.filter((result) => result === 'it succeeded')).toHaveLength(1);
    expect(results.filter((result) => result === 'network with name same already exists')).toHaveLength(19);
    expect(model.networks.list().filter(({ name }) => name === 'same')).toHaveLength(1);
  });

  it('refuses a name that differs only by case', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'foo' });
    expect(await message(model.networks.create({ name: 'FOO' }))).toBe(
      'network with name FOO already exists',
    );
  });

  it.each([
    // Engine 28.5.2's words.
    ['', 'invalid name: name is empty'],
    [' \t', 'invalid name: name is empty'],
    ['a\nb', 'invalid network name "a\\nb": it has a control character'],
    ['x'.repeat(1025), 'invalid network name "xxxxxxxxxxxx…": it is longer than 1024 octets'],
    ['bridge', 'operation is not permitted on predefined bridge network '],
  ])('refuses the name %j', async (name, expected) => {
    await using model = await createTestModel();
    expect(await message(model.networks.create({ name }))).toBe(expected);
  });

  it('refuses an overlapping subnet, naming the other network', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'a', ipam: { config: [{ subnet: '10.1.0.0/16' }] } });
    const overlapping = model.networks.create({ name: 'b', ipam: { config: [{ subnet: '10.1.2.0/24' }] } });
    expect(await message(overlapping)).toBe(
      'Pool overlaps with other one on this address space: 10.1.2.0/24 overlaps 10.1.0.0/16 of network a',
    );
    expect(model.networks.list().map(({ name }) => name)).not.toContain('b');
  });

  it('says which pools collide with what when none is left', async () => {
    await using model = await createTestModel({ localPools: [{ base: '172.17.0.0/16', size: 16 }] });
    expect(await message(model.networks.create({ name: 'more' }))).toBe(
      'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the ' +
        'network; tried 172.17.0.0/16 (network bridge); name one with --subnet',
    );
  });

  it('lists the candidates of an ambiguous id prefix', async () => {
    await using model = await createTestModel();
    const ids = new Map<string, string>();
    for (let i = 0; ids.size === i; i += 1) {
      const { id } = await model.networks.create({
        name: `n${i}`,
        ipam: { config: [{ subnet: `10.${i}.0.0/24` }] },
      });
      ids.set(id.charAt(0), id);
    }
    const first = [...ids.keys()].find(
      (digit) => model.networks.list().filter(({ id }) => id.startsWith(digit)).length > 1,
    );
    expect(() => model.networks.find(first ?? '')).toThrow(
      /^network . is ambiguous \(\d matches found based on ID prefix\): [0-9a-f]{12} \(\S+\), /,
    );
  });

  it('names the holders when it refuses to remove a network, and takes its mark off', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'foo' });
    await model.services.publish('db.foo');
    const c1 = await runOn(model, 'c1', 'foo');
    expect(await message(model.networks.remove('foo'))).toBe(
      `error while removing network: network foo has active endpoints (service db; container c1 ${c1.id.slice(0, 12)} on test)`,
    );
    expect(model.networks.find('foo').removing).toBeUndefined();
    await runOn(model, 'c2', 'foo');
  });

  it('leaves no key behind', async () => {
    await using model = await createTestModel();
    const before = await allKeys(model);
    const { id } = await model.networks.create({ name: 'foo' });
    await runOn(model, 'c1', 'foo');
    await model.containers.remove('c1', { force: true });
    await model.networks.remove('foo');
    expect(await allKeys(model)).toEqual(before);
    expect(await message(Promise.resolve().then(() => model.networks.find(id)))).toBe(
      `network ${id} not found`,
    );
  });
});

describe('addresses', () => {
  it('gives 200 containers that start at once 200 different addresses', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'foo', ipam: { config: [{ subnet: '10.9.0.0/24' }] } });
    const containers = await Promise.all(Array.from({ length: 200 }, (_, i) => runOn(model, `c${i}`, 'foo')));
    const addresses = new Set(containers.map(({ attachments }) => attachments[0]?.endpoint?.ipv4));
    expect(addresses.size).toBe(200);
    expect([...addresses]).not.toContain('10.9.0.1/24');
  });

  it('does not reuse a freed address while others are free, and reuses it when none is', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'foo', ipam: { config: [{ subnet: '10.9.0.0/29' }] } });
    const given: (string | undefined)[] = [];
    for (let i = 0; i < 6; i += 1) {
      given.push((await runOn(model, 'cc', 'foo')).attachments[0]?.endpoint?.ipv4);
      await model.containers.remove('cc', { force: true });
    }
    expect(given).toEqual([2, 3, 4, 5, 6, 2].map((host) => `10.9.0.${host}/29`));
  });

  it('says that no address is left', async () => {
    await using model = await createTestModel();
    await model.networks.create({ name: 'foo', ipam: { config: [{ subnet: '10.9.0.0/30' }] } });
    await runOn(model, 'c1', 'foo');
    expect(await message(runOn(model, 'c2', 'foo'))).toBe(
      'Cannot start container c2: attach c2 to network foo: no address is left on network foo (10.9.0.0/30)',
    );
  });

  it('keeps aux addresses, the range and a wanted address', async () => {
    await using model = await createTestModel();
    const pool = { subnet: '10.9.0.0/24', ipRange: '10.9.0.8/29', auxAddresses: { printer: '10.9.0.9' } };
    await model.networks.create({ name: 'foo', ipam: { config: [pool] } });
    expect((await runOn(model, 'c1', 'foo')).attachments[0]?.endpoint?.ipv4).toBe('10.9.0.8/24');
    expect((await runOn(model, 'c2', 'foo')).attachments[0]?.endpoint?.ipv4).toBe('10.9.0.10/24');
    await model.containers.create({
      name: 'c3',
      image: 'x',
      networkMode: 'foo',
      endpoints: { foo: { ipv4: '10.9.0.10' } },
    });
    expect(await message(model.containers.start('c3'))).toContain(
      'Address already in use: 10.9.0.10 on network foo',
    );
  });
});

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

describe('--default-network', () => {
  it('is created if missing and used by containers and services that name none', async () => {
    await using model = await createTestModel({ defaultNetwork: { driver: 'bridge', name: 'mynet' } });
    expect((await model.services.publish('s')).network.name).toBe('mynet');
    await model.containers.create({ name: 'c1', image: 'x' });
    await model.containers.start('c1');
    const { id } = model.networks.find('mynet');
    expect(model.directory.endpointsOf(id).map(({ containerName }) => containerName)).toEqual(['c1']);
  });
});
