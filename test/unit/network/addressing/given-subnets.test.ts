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

  it.each([
    ['::/0', 'ipv6 pool is empty'],
    ['fe80::/80', "'fe80::1/80' clashes with the Link-Local prefix 'fe80::/64'"],
    ['fd00:9::4/128', 'failed to allocate gateway (): no available addresses on this pool'],
    ['0.0.0.0/8', 'no default address pool is large enough for a /8: name the subnet'],
    ['::/32', 'no default address pool is large enough for a /32: name the subnet'],
  ])('%s is refused: %s', async (subnet, message) => {
    await expect(create(subnet, subnet.includes(':'))).rejects.toThrow(message);
  });

  // What Engine 28.5.2 gives: the gateway, then each container, until none is left.
  it.each([
    ['10.9.0.0/30', '10.9.0.1', ['10.9.0.2/30']],
    ['10.9.0.0/31', '10.9.0.0', ['10.9.0.1/31']],
    ['10.9.0.7/32', '10.9.0.7', []],
    ['fd00:9::/126', 'fd00:9::1', ['fd00:9::2/126', 'fd00:9::3/126']],
    ['fd00:9::/127', 'fd00:9::1', []],
  ])('%s has the gateway %s and has %j for containers', async (subnet, gateway, addresses) => {
    const v6 = subnet.includes(':');
    const network = await create(subnet, v6);
    expect(network.ipam.pools.find((pool) => pool.subnet === subnet)?.gateway).toBe(gateway);
    for (const address of addresses) expect(await addressOfNext(v6)).toBe(address);
    await expect(addressOfNext(v6)).rejects.toThrow(
      `no available IPv${v6 ? 6 : 4} addresses on this network's address pools: foo (${network.id})`,
    );
  });

  async function addressOfNext(v6: boolean) {
    const { id } = await model.containers.create({ image: 'x', networkMode: 'foo' });
    const endpoint = (await model.containers.start(id)).attachments[0]?.endpoint;
    return v6 ? endpoint?.ipv6 : endpoint?.ipv4;
  }

  it('with a range have their gateway at its beginning, as Engine 28.5.2', async () => {
    const config = [{ subnet: '10.9.0.0/24', ipRange: '10.9.0.128/25' }];
    const network = await model.networks.create({ name: 'foo', ipam: { config } });
    expect(network.ipam.pools[0]?.gateway).toBe('10.9.0.128');
    expect(await addressOfNext(false)).toBe('10.9.0.129/24');
  });

  it('by their size only are chosen from the pools, beside what is taken: Engine 29', async () => {
    const subnets: (string | undefined)[] = [];
    for (const subnet of ['0.0.0.0/24', '0.0.0.0/28', '0.0.0.0/16', '0.0.0.0/24']) {
      const config = [{ subnet }];
      const network = await model.networks.create({ name: `n${subnets.length}`, ipam: { config } });
      subnets.push(network.ipam.pools[0]?.subnet);
    }
    // The default network has 172.17.0.0/16.
    expect(subnets).toEqual(['172.18.0.0/24', '172.18.1.0/28', '172.19.0.0/16', '172.18.2.0/24']);
    const { ipam } = await create('::/72', true);
    expect(ipam.pools.find(({ subnet }) => subnet.includes(':'))?.subnet).toMatch(/^fd[0-9a-f:]+::\/72$/);
  });

  it('by their size only have no address that people could name', async () => {
    const config = [{ subnet: '0.0.0.0/24', gateway: '0.0.0.4' }];
    await expect(model.networks.create({ name: 'foo', ipam: { config } })).rejects.toThrow(
      'subnet 0.0.0.0/24 asks for any subnet of that size: with an ip-range, gateway or auxiliary address, name the subnet',
    );
  });

  it.each([
    [{ ipam: {} }, 'ipv4 pool is empty'],
    [{ ipv4: false, ipv6: true, ipam: {} }, 'ipv6 pool is empty'],
    [
      { ipam: { config: [{ subnet: '10.9.0.0/24' }] } },
      'null ipam driver does not handle specific address pool requests',
    ],
  ])('are refused beside the null address manager: %j', async ({ ipam, ...families }, message) => {
    const spec = { name: 'foo', ...families, ipam: { driver: 'null', ...ipam } };
    await expect(model.networks.create(spec)).rejects.toThrow(message);
  });
});
