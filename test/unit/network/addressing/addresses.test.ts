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
    const spec = { name: 'foo', ipam: { config: [{ subnet: '10.9.0.0/30' }] } };
    const { id } = await model.networks.create(spec);
    await runOn(model, 'c1', 'foo');
    expect(await message(runOn(model, 'c2', 'foo'))).toBe(
      'Cannot start container c2: attach c2 to network foo: ' +
        `no available IPv4 addresses on this network's address pools: foo (${id})`,
    );
  });

  it('keeps aux addresses, the range and a wanted address', async () => {
    await using model = await createTestModel();
    const pool = { subnet: '10.9.0.0/24', ipRange: '10.9.0.8/29', auxAddresses: { printer: '10.9.0.9' } };
    await model.networks.create({ name: 'foo', ipam: { config: [pool] } });
    expect((await runOn(model, 'c1', 'foo')).attachments[0]?.endpoint?.ipv4).toBe('10.9.0.10/24');
    expect((await runOn(model, 'c2', 'foo')).attachments[0]?.endpoint?.ipv4).toBe('10.9.0.11/24');
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
