import { describe, expect, test } from 'vitest';
import { createDrivers } from '../../../drivers/index.ts';
import type { Network } from '../../../src/cluster/records.ts';
import type { StackedType } from '../../../src/dataplane/parents.ts';
import { createSimulatedDataplane } from '../../../src/dataplane/simulated.ts';
import { endpointOf, networkOf } from '../../contract/driver.ts';

const tag = 'a1b2';

function setUp(type: StackedType, options: Network['options'], change: Partial<Network> = {}) {
  const dataplane = createSimulatedDataplane();
  const driver = createDrivers({ dataplane, tag })(type);
  const network = networkOf(driver, { options, ...change });
  const { mac, ...plain } = endpointOf(network);
  const endpoint = { ...plain, ...(type === 'ipvlan' || mac === undefined ? {} : { mac }) };
  return { dataplane, driver, network, endpoint };
}

async function problem(type: StackedType, options: Network['options'], others: readonly Network[] = []) {
  const { driver, network } = setUp(type, options);
  return await Promise.resolve(driver.validate(network, others)).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/** Each message is Engine 28.5.2's. */
describe('options of macvlan and ipvlan networks', () => {
  test.each([
    [
      'macvlan',
      { macvlan_mode: 'l2' },
      "requested macvlan mode 'l2' is not valid, 'bridge' mode is the macvlan driver default",
    ],
    [
      'ipvlan',
      { ipvlan_mode: 'bridge' },
      "requested ipvlan mode 'bridge' is not valid, 'l2' mode is the ipvlan driver default",
    ],
    [
      'ipvlan',
      { ipvlan_flag: 'x' },
      "requested ipvlan flag 'x' is not valid, 'bridge' is the ipvlan driver default",
    ],
    ['macvlan', { parent: 'lo' }, 'loopback interface is not a valid macvlan parent link'],
    ['ipvlan', { parent: 'lo' }, 'loopback interface is not a valid ipvlan parent link'],
    ['macvlan', { parent: 'up0.x' }, 'unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)'],
    ['macvlan', { parent: 'up0.0' }, 'vlan id must be between 1-4094, received: 0'],
    ['macvlan', { parent: 'up0.4095' }, 'vlan id must be between 1-4094, received: 4095'],
    [
      'macvlan',
      { parent: 'up0.1.2' },
      'required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received up0.1.2',
    ],
  ] as const)('%s %j: %s', async (type, options, message) => {
    expect(await problem(type, { parent: 'up0', ...options })).toBe(message);
  });

  test.each([
    ['macvlan', { ipvlan_flag: 'private' }],
    ['ipvlan', { macvlan_mode: 'bridge' }],
    ['macvlan', { 'com.docker.network.bridge.name': 'x' }],
  ] as const)('%s %j would have no effect, and is refused', async (type, options) => {
    expect(await problem(type, options)).toMatch(/^unknown option /);
  });

  test('an MTU is at most the parent’s', async () => {
    const mtu = (text: string) => ({ parent: 'up0', 'com.docker.network.driver.mtu': text });
    expect(await problem('macvlan', mtu('1400'))).toBeUndefined();
    expect(await problem('macvlan', mtu('9000'))).toBe('invalid MTU number: 9000: the parent up0 has 1500');
  });
});

describe('a parent', () => {
  const on = (type: StackedType, options: Network['options']) =>
    setUp(type, { parent: 'up0', ...options }).network;

  test('carries one ipvlan network', async () => {
    const other = on('ipvlan', {});
    expect(await problem('ipvlan', { parent: 'up0' }, [other])).toBe(
      `network di-${other.id.slice(0, 12)} is already using parent interface up0`,
    );
    expect(await problem('macvlan', { parent: 'up0' }, [other])).toBeUndefined();
    expect(await problem('ipvlan', { parent: 'up1' }, [other])).toBeUndefined();
  });

  test('carries many macvlan networks, but for passthru', async () => {
    const other = on('macvlan', {});
    expect(await problem('macvlan', { parent: 'up0' }, [other])).toBeUndefined();
    expect(await problem('macvlan', { parent: 'up0', macvlan_mode: 'passthru' }, [other])).toBe(
      `cannot use mode passthru, macvlan network ${other.id} is already using parent interface up0`,
    );
  });

  test('that is a sub-interface is made with the first network on it, and goes with the last', async () => {
    const dataplane = createSimulatedDataplane();
    const named = createDrivers({ dataplane, tag });
    const options = { parent: 'up0.50' };
    const [first, second] = [
      networkOf(named('macvlan'), { options }),
      networkOf(named('ipvlan'), { options }),
    ];
    await named('macvlan').ensureNetwork(first);
    await named('ipvlan').ensureNetwork(second);
    const vlan = { kind: 'vlan', name: 'up0.50', parent: 'up0', id: 50, up: true };
    expect((await dataplane.survey([])).parents).toEqual([vlan]);
    await named('macvlan').removeNetwork(first);
    expect((await dataplane.survey([])).parents).toEqual([vlan]);
    await named('ipvlan').removeNetwork(second);
    expect((await dataplane.survey([])).parents).toEqual([]);
  });

  test('that was there before is left alone', async () => {
    const { dataplane, driver, network } = setUp('macvlan', { parent: 'up0' });
    await driver.ensureNetwork(network);
    expect((await dataplane.survey([])).parents).toEqual([]);
    expect(await driver.expected?.(network, [])).toMatchObject({ parents: [] });
  });
});

describe('an endpoint', () => {
  test('of macvlan has its mode, its MAC and the gateway', async () => {
    const { driver, network, endpoint } = setUp('macvlan', { parent: 'up0', macvlan_mode: 'vepa' });
    expect(await driver.join(network, endpoint)).toMatchObject({
      interface: {
        source: { kind: 'stacked', parent: 'up0', type: 'macvlan', mode: 'vepa' },
        mac: '02:42:0a:01:00:02',
      },
      gateway: '10.1.0.1',
      gateway6: 'fd00:1::1',
    });
  });

  test.each([[{}], [{ parent: 'up0' }]])(
    'leads nowhere without a parent or with --internal: %j',
    async (options) => {
      const { driver, network, endpoint } = setUp('macvlan', options, { internal: true });
      const { gateway, routes } = await driver.join(network, endpoint);
      expect([gateway, routes]).toEqual([undefined, []]);
    },
  );

  test('of ipvlan has no MAC of its own, and in layer 3 the parent as its way out', async () => {
    const { driver, network, endpoint } = setUp('ipvlan', {
      parent: 'up0',
      ipvlan_mode: 'l3',
      ipvlan_flag: 'private',
    });
    const { interface: made, gateway, routes } = await driver.join(network, endpoint);
    expect(made).toMatchObject({ source: { type: 'ipvlan', mode: 'l3', flag: 'private' } });
    expect([made?.mac, gateway]).toEqual([undefined, undefined]);
    expect(routes.map(({ destination }) => destination)).toEqual([
      '0.0.0.0/1',
      '128.0.0.0/1',
      '::/1',
      '8000::/1',
    ]);
    await expect(driver.join(network, { ...endpoint, mac: '02:00:00:00:00:01' })).rejects.toThrow(
      'ipvlan interfaces do not support custom mac address assignment',
    );
  });
});

test('where the kernel lacks such devices, a network is refused by one line', async () => {
  const reason = 'this kernel has no ipvlan devices (CONFIG_IPVLAN): Unknown device type.';
  const dataplane = Object.assign(createSimulatedDataplane(), { lacks: async () => reason });
  const driver = createDrivers({ dataplane, tag })('ipvlan');
  const network = networkOf(driver, { options: { parent: 'up0' } });
  await expect(driver.validate(network, [])).rejects.toMatchObject({
    kind: 'unsupported',
    message: `no ipvlan networks on this host: ${reason}`,
  });
});
