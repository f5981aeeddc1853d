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
