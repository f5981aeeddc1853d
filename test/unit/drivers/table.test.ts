import { describe, expect, test } from 'vitest';
import type { Driver } from '../../../drivers/driver.ts';
import { builtInDrivers, createDrivers } from '../../../drivers/index.ts';
import { createNullDriver } from '../../../drivers/null.ts';
import { createSimulatedDataplane } from '../../../src/dataplane/simulated.ts';
import { endpointOf, networkOf } from '../../contract/driver.ts';

const dataplane = createSimulatedDataplane();
const bridge = createDrivers({ dataplane, tag: 'a1b2' })('bridge');
const key = 'com.docker.network';

function problem(options: Record<string, string>, others: Parameters<Driver['validate']>[1] = []): unknown {
  try {
    bridge.validate(networkOf(bridge, { options }), others);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('the table of drivers', () => {
  test('has each under its own name', () => {
    const named = createDrivers({ dataplane, tag: 'a1b2' });
    expect(builtInDrivers.map((name) => named(name).name)).toEqual([
      'bridge',
      'host',
      'ipvlan',
      'macvlan',
      'null',
      'overlay',
    ]);
  });

  test('asks for plugins last', () => {
    const plugin = { ...createNullDriver(), name: 'weave' };
    const named = createDrivers({
      dataplane,
      tag: 'a1b2',
      plugin: (name) => (name === 'weave' ? plugin : undefined),
    });
    expect(named('weave')).toBe(plugin);
    expect(() => named('nope')).toThrow('plugin "nope" not found');
    expect(() => named('constructor')).toThrow('plugin "constructor" not found');
  });
});

describe('options of the bridge driver', () => {
  test.each([
    [
      { [`${key}.driver.mtu`]: 'x' },
      `failed to parse ${key}.driver.mtu value: x (strconv.Atoi: parsing "x": invalid syntax)`,
    ],
    [{ [`${key}.driver.mtu`]: '-5' }, 'invalid MTU number: -5'],
    [{ [`${key}.driver.mtu`]: '67' }, 'invalid MTU number: 67'],
    [{ [`${key}.driver.mtu`]: '65536' }, 'invalid MTU number: 65536'],
    [
      { [`${key}.bridge.enable_icc`]: 'x' },
      `failed to parse ${key}.bridge.enable_icc value: x (strconv.ParseBool: parsing "x": invalid syntax)`,
    ],
    [
      { [`${key}.bridge.enable_ip_masquerade`]: 'yes' },
      `failed to parse ${key}.bridge.enable_ip_masquerade value: yes (strconv.ParseBool: parsing "yes": invalid syntax)`,
    ],
    [
      { [`${key}.bridge.gateway_mode_ipv4`]: 'bogus' },
      `failed to parse ${key}.bridge.gateway_mode_ipv4 value: bogus (unknown gateway mode bogus)`,
    ],
    [
      { [`${key}.bridge.gateway_mode_ipv6`]: 'isolated' },
      "gateway mode 'isolated' can only be used for an internal network",
    ],
    [
      { [`${key}.bridge.trusted_host_interfaces`]: 'eth0:a"b' },
      `"a"b" cannot be an interface name (${key}.bridge.trusted_host_interfaces)`,
    ],
    [
      { [`${key}.container_iface_prefix`]: 'a/b' },
      `"a/b" cannot begin an interface name (${key}.container_iface_prefix)`,
    ],
    [
      { [`${key}.bogus`]: '1' },
      `unknown option ${key}.bogus, known are ${[
        'bridge.enable_icc',
        'bridge.enable_ip_masquerade',
        'bridge.gateway_mode_ipv4',
        'bridge.gateway_mode_ipv6',
        'bridge.host_binding_ipv4',
        'bridge.name',
        'bridge.trusted_host_interfaces',
        'container_iface_prefix',
        'driver.mtu',
        'enable_ipv4',
        'enable_ipv6',
      ]
        .map((name) => `${key}.${name}`)
        .join(', ')}`,
    ],
    [
      { [`${key}.bridge.host_binding_ipv4`]: 'zz' },
      `failed to parse ${key}.bridge.host_binding_ipv4 value: zz (nil ip)`,
    ],
    [
      { [`${key}.bridge.name`]: 'a/b' },
      `invalid argument: "a/b" cannot be an interface name (${key}.bridge.name)`,
    ],
    [
      { [`${key}.bridge.name`]: 'twenty-characters-xx' },
      'failed to check bridge interface existence: numerical result out of range: ' +
        `"twenty-characters-xx" cannot be an interface name (${key}.bridge.name)`,
    ],
  ])('%j is refused', (options, message) => {
    expect(problem(options)).toMatchObject({ kind: 'invalid', message });
  });

  test.each(['1', 't', 'T', 'TRUE', 'true', 'True', '0', 'f', 'F', 'FALSE', 'false', 'False'])(
    '%s is a bool',
    (text) => {
      expect(problem({ [`${key}.bridge.enable_icc`]: text })).toBeUndefined();
    },
  );

  test('reach the firewall and the interface', async () => {
    const options = {
      [`${key}.bridge.name`]: 'mine0',
      [`${key}.bridge.enable_icc`]: 'false',
      [`${key}.bridge.enable_ip_masquerade`]: '0',
      [`${key}.driver.mtu`]: '1400',
      [`${key}.bridge.host_binding_ipv4`]: '127.0.0.1',
    };
    const network = networkOf(bridge, { options });
    expect(bridge.firewall?.(network)).toEqual({
      bridge: 'mine0',
      subnets: ['10.1.0.0/24', 'fd00:1::/64'],
      internal: false,
      masquerade: false,
      icc: false,
      hostBinding: '127.0.0.1',
    });
    expect((await bridge.join(network, endpointOf(network))).interface).toMatchObject({
      source: { kind: 'veth', bridge: 'mine0' },
      namePrefix: 'eth',
      mtu: 1400,
    });
  });
});

describe('networks of the bridge driver', () => {
  test('cannot share a bridge name', () => {
    const options = { [`${key}.bridge.name`]: 'mine0' };
    const other = networkOf(bridge, { options });
    const message = expect.stringMatching(
      `^cannot create network [0-9a-f]{64} \\(mine0\\): conflicts with network ${other.id} \\(mine0\\): networks have same bridge name$`,
    );
    expect(problem(options, [other])).toMatchObject({ kind: 'forbidden', message });
  });

  test('have one IPv4 subnet', () => {
    const pools = ['10.1', '10.2'].map((p) => ({
      subnet: `${p}.0.0/16`,
      gateway: `${p}.0.1`,
      auxAddresses: {},
    }));
    const network = networkOf(bridge, { ipam: { driver: 'default', options: {}, pools } });
    expect(() => bridge.validate(network, [])).toThrow("bridge driver doesn't support multiple subnets");
  });
});
