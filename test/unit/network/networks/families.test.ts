import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestModel } from '../../../rig/model.ts';

const ipv4 = 'com.docker.network.enable_ipv4';
const ipv6 = 'com.docker.network.enable_ipv6';

/** What Engine 28.5.2 answers. */
describe('families that options switch', () => {
  let model: Awaited<ReturnType<typeof createTestModel>>;
  beforeEach(async () => {
    model = await createTestModel();
  });
  afterEach(() => model[Symbol.asyncDispose]());

  it('are as with the flags', async () => {
    const six = await model.networks.create({ name: 'six', options: { [ipv4]: 'false', [ipv6]: '1' } });
    expect(six).toMatchObject({ ipv4: false, ipv6: true, options: { [ipv4]: 'false', [ipv6]: '1' } });
    expect(six.ipam.pools.map(({ subnet }) => subnet)).toEqual([expect.stringMatching(/^fd/)]);
  });

  it('lose against the flags, and are not shown then', async () => {
    const network = await model.networks.create({ name: 'foo', ipv4: true, options: { [ipv4]: 'false' } });
    expect(network.options).toEqual({});
    expect(network.ipam.pools[0]?.subnet).toMatch(/^172\./);
  });

  it('are refused where they say nothing, or leave no family', async () => {
    await expect(model.networks.create({ name: 'foo', options: { [ipv4]: 'bogus' } })).rejects.toThrow(
      `driver-opt "${ipv4}" is not a valid bool`,
    );
    await expect(model.networks.create({ name: 'foo', options: { [ipv4]: 'false' } })).rejects.toThrow(
      'IPv4 or IPv6 must be enabled',
    );
  });
});
