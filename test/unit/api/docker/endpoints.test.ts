import { describe, expect, it } from 'vitest';
import { createTestApi } from '../../../rig/api.ts';

type TestApi = Awaited<ReturnType<typeof createTestApi>>;

const on = (network: string, settings: object, HostConfig: object = {}) => ({
  Image: 'x',
  HostConfig: { NetworkMode: network, ...HostConfig },
  NetworkingConfig: { EndpointsConfig: { [network]: settings } },
});

async function withNetworks(): Promise<TestApi> {
  const api = await createTestApi();
  const network = (Name: string, Config: readonly object[], more: object = {}) =>
    api.call('POST', '/networks/create', { Name, IPAM: { Config }, ...more });
  await network('both', [{ Subnet: '10.7.0.0/24', IPRange: '10.7.0.128/25' }, { Subnet: 'fd07::/64' }], {
    EnableIPv6: true,
  });
  return api;
}

async function inspect(api: TestApi, name: string, version = '') {
  return Object((await api.call('GET', `${version}/containers/${name}/json`)).json());
}

async function post(api: TestApi, path: string, body: object) {
  const { status, text } = await api.call('POST', path, body);
  return [status, text === '' ? undefined : Object(JSON.parse(text)).message];
}

/** moby 28: validateEndpointSettings, at the create as at a connect. */
describe('addresses that are asked for', () => {
  it.each([
    [{ IPv4Address: '10.8.0.9' }, 'no configured subnet or ip-range contain the IP address 10.8.0.9'],
    [{ IPv6Address: 'fd08::9' }, 'no configured subnet or ip-range contain the IP address fd08::9'],
    [{ IPv4Address: 'my_ip' }, 'invalid IPv4 address: my_ip'],
    [{ IPv4Address: '0.0.0.0' }, 'invalid IPv4 address: 0.0.0.0'],
    [{ IPv6Address: '10.7.0.9' }, 'invalid IPv6 address: 10.7.0.9'],
    [{ IPv6Address: '::ffff:10.7.0.9' }, 'invalid IPv6 address: ::ffff:10.7.0.9'],
  ])('%j are refused before there is a container', async (IPAMConfig, why) => {
    await using api = await withNetworks();
    const created = await post(api, '/containers/create?name=c1', on('both', { IPAMConfig }));
    expect(created).toEqual([400, expect.stringMatching(/^invalid config for network both: /)]);
    expect(created[1]).toContain(why);
    expect(api.model.containers.list()).toEqual([]);
    await api.call('POST', '/containers/create?name=c2', { Image: 'x' });
    const body = { Container: 'c2', EndpointConfig: { IPAMConfig } };
    const connected = await post(api, '/networks/both/connect', body);
    expect(connected).toEqual([400, expect.stringContaining(why)]);
  });

  it('may lie outside the range that others get theirs from', async () => {
    await using api = await withNetworks();
    const IPAMConfig = { IPv4Address: '10.7.0.9', IPv6Address: 'fd07::9' };
    expect(await post(api, '/containers/create?name=c1', on('both', { IPAMConfig }))).toMatchObject([
      201,
      undefined,
    ]);
    expect(await post(api, '/containers/c1/start', {})).toEqual([204, undefined]);
    expect((await inspect(api, 'c1')).NetworkSettings.Networks.both).toMatchObject({
      ...{ IPAddress: '10.7.0.9', GlobalIPv6Address: 'fd07::9' },
    });
  });
});

/** moby 28: TestDisableIPv6Addrs, TestContainerDisabledIPv6. */
it('a container that has IPv6 off gets none from its networks, and no name leads there', async () => {
  await using api = await withNetworks();
  const Sysctls = { 'net.ipv6.conf.all.disable_ipv6': '1' };
  for (const [name, HostConfig] of [
    ['off', { Sysctls }],
    ['on', {}],
  ] as const) {
    await api.call('POST', `/containers/create?name=${name}`, on('both', {}, HostConfig));
    await api.call('POST', `/containers/${name}/start`);
  }
  const placeOf = async (name: string) => (await inspect(api, name)).NetworkSettings.Networks.both;
  expect(await placeOf('off')).toMatchObject({
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPv6Gateway: '',
  });
  expect(await placeOf('off')).toMatchObject({ IPAddress: expect.stringMatching(/^10\.7\.0\./) });
  expect(await placeOf('on')).toMatchObject({ GlobalIPv6Address: 'fd07::2', IPv6Gateway: 'fd07::1' });
  const probe = async (name: string) =>
    Object((await api.call('GET', `/fairlead/probe?container=on&name=${name}`)).json())
      .answers.map(({ address }: { address: string }) => address.includes(':'))
      .sort();
  expect(await probe('off')).toEqual([false]);
  expect(await probe('on')).toEqual([false, true]);
});

/** moby 28: TestSetInterfaceSysctl; the Engine moves it until API 1.47. */
describe('a kernel setting of the interface eth0', () => {
  const key = 'com.docker.network.endpoint.sysctls';
  const Sysctls = { 'net.ipv4.conf.eth0.forwarding': '0', 'net.ipv4.ip_unprivileged_port_start': '0' };

  it('becomes the endpoint’s, with a warning', async () => {
    await using api = await withNetworks();
    const own = { [key]: 'net.ipv4.conf.IFNAME.mc_forwarding=0' };
    const body = on('both', { DriverOpts: own }, { Sysctls });
    const { status, text } = await api.call('POST', '/v1.47/containers/create?name=c1', body);
    const moved = 'net.ipv4.conf.IFNAME.forwarding=0';
    expect([status, JSON.parse(text).Warnings]).toEqual([
      201,
      [`Migrated sysctl "net.ipv4.conf.eth0.forwarding" to DriverOpts{"${key}":"${moved}"}.`],
    ]);
    const { HostConfig, NetworkSettings } = await inspect(api, 'c1');
    expect(HostConfig.Sysctls).toEqual({ 'net.ipv4.ip_unprivileged_port_start': '0' });
    expect(NetworkSettings.Networks.both.DriverOpts).toEqual({ [key]: `${moved},${own[key]}` });
  });

  it.each([
    [
      '1.48',
      'eth0',
      `interface specific sysctl setting "net.ipv4.conf.eth0.forwarding" must be supplied using driver option '${key}'`,
    ],
    [
      '1.47',
      'eth1',
      `unable to determine network endpoint for sysctl net.ipv4.conf.eth1.forwarding, use driver option '${key}' to set per-interface sysctls`,
    ],
  ])('is refused in %s, of %s', async (version, device, message) => {
    await using api = await withNetworks();
    const body = on('both', {}, { Sysctls: { [`net.ipv4.conf.${device}.forwarding`]: '0' } });
    expect(await post(api, `/v${version}/containers/create?name=c1`, body)).toEqual([400, message]);
  });
});

/** moby 28: TestInspectCfgdMAC; below API 1.52 the first network's is shown as the container's. */
it.each([
  ['none', {}, undefined],
  ['on the default network', on('default', { MacAddress: '02:42:ac:11:00:42' }), '02:42:ac:11:00:42'],
  ['on a network', on('both', { MacAddress: '02:42:ac:11:00:42' }), '02:42:ac:11:00:42'],
])('Config.MacAddress shows what was asked for: %s', async (_where, body, mac) => {
  await using api = await withNetworks();
  await api.call('POST', '/containers/create?name=c1', { Image: 'x', ...body });
  await api.call('POST', '/containers/c1/start');
  expect((await inspect(api, 'c1', '/v1.51')).Config.MacAddress).toBe(mac);
  expect((await inspect(api, 'c1', '/v1.52')).Config).not.toHaveProperty('MacAddress');
});

it('members of HostConfig that are called like those of every object harm nothing', async () => {
  await using api = await withNetworks();
  const body = { Image: 'x', HostConfig: { toString: {}, constructor: 1 } };
  const { status, text } = await api.call('POST', '/containers/create?name=c1', body);
  expect([status, JSON.parse(text).Warnings]).toEqual([
    201,
    ['HostConfig.constructor is not known, and is discarded.'],
  ]);
});
