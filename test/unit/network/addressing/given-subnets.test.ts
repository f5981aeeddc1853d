import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { networkShape } from '../../../../src/api/docker/networks/shape.ts';
import { createTestModel } from '../../../rig/model.ts';

describe('subnets that people name', () => {
  let model: Awaited<ReturnType<typeof createTestModel>>;
  beforeEach(async () => {
    model = await createTestModel();
  });
  afterEach(() => model[Symbol.asyncDispose]());

  const create = (subnet: string, ipv6 = false) =>
    model.networks.create({ name: 'foo', ipv6, ipam: { config: [{ subnet }] } });

  it('of IPv6 without IPv6 are shown, and give nobody an address: Engine 28.5.2', async () => {
    const network = await create('fd00:1::/64');
    expect(network.ipv6).toBe(false);
    expect(network.ipam.pools.map(({ subnet }) => subnet)).toEqual(['172.18.0.0/16']);
    expect(networkShape(network, [1, 51])).toMatchObject({
      EnableIPv6: false,
      IPAM: { Config: [{ Subnet: '172.18.0.0/16' }, { Subnet: 'fd00:1::/64' }] },
    });
    const { id } = await model.containers.create({ image: 'x', networkMode: 'foo' });
    await model.containers.start(id);
    const [endpoint] = await model.networks.endpoints(network.id);
    expect(endpoint?.ipv4).toBe('172.18.0.2/16');
    expect(endpoint?.ipv6).toBeUndefined();
  });

  it.each([
    ['127.0.0.0/24', 'loopback'],
    ['224.0.0.0/24', 'multicast'],
    ['ff02::/64', 'multicast'],
    ['::ffff:10.1.0.0/112', 'IPv4-mapped'],
  ])('%s is refused: %s', async (subnet, kind) => {
    await expect(create(subnet, subnet.includes(':'))).rejects.toThrow(
      new RegExp(`^${kind} subnet '.*' is not allowed$`),
    );
  });
});
