import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import { chooseAdvertise, defaultRoutes } from '../../../src/daemon/advertise.ts';

function addresses(...list: string[]): NetworkInterfaceInfo[] {
  return list.map((address) => {
    const common = { address, netmask: '', mac: '', cidr: null, internal: /^(127\.|::1$)/.test(address) };
    return address.includes(':') ? { ...common, family: 'IPv6', scopeid: 0 } : { ...common, family: 'IPv4' };
  });
}

const interfaces = {
  lo: addresses('127.0.0.1', '::1'),
  docker0: addresses('172.17.0.1'),
  'fla1b2-01234567': addresses('10.0.0.1'),
  wg0: addresses('fe80::1', '2001:db8::7'),
  eth0: addresses('fe80::2', '2001:db8::2', '192.0.2.2', '192.0.2.3'),
  zeroconf: addresses('169.254.7.7'),
};
const none = (_device: string) => false;
const choose = (given?: string, routes: string[] = [], skip = none) =>
  chooseAdvertise(given, skip, { interfaces, defaultRoutes: routes });

describe('the address for other nodes', () => {
  test('is the one given, wherever it is', () => {
    expect(choose('203.0.113.9')).toBe('203.0.113.9');
    expect(choose('2001:db8::9')).toBe('2001:db8::9');
  });

  test('is the first of the interface given, IPv4 before IPv6', () => {
    expect(choose('eth0')).toBe('192.0.2.2');
    expect(choose('wg0')).toBe('2001:db8::7');
  });

  test.each([
    ['eth9', 'the interface is not there or has no address'],
    ['zeroconf', 'the interface has no address that other nodes could reach'],
    ['lo', 'the interface has no address that other nodes could reach'],
  ])('cannot be that of %s', (name, problem) => {
    expect(() => choose(name)).toThrow(
      expect.objectContaining({
        kind: 'invalid',
        message: `--advertise ${name}: ${problem}; there are: docker0, fla1b2-01234567, wg0, eth0`,
      }),
    );
  });

  test("is that of the default route's interface where none is given", () => {
    expect(choose(undefined, ['eth0'])).toBe('192.0.2.2');
    expect(choose(undefined, ['ppp0', 'wg0', 'eth0'])).toBe('2001:db8::7');
  });

  test('is otherwise the first that is neither loopback nor a bridge of ours', () => {
    const skip = (name: string) => name === 'docker0' || name.startsWith('fl');
    expect(choose(undefined, [], skip)).toBe('2001:db8::7');
    expect(chooseAdvertise(undefined, none, { interfaces: { lo: interfaces.lo }, defaultRoutes: [] })).toBe(
      undefined,
    );
  });
});

test('default routes are those of the kernel, by metric', () => {
  const ipv4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
`;
  const zero = '0'.repeat(32);
  const via = 'fe800000000000000000000000000001';
  const ipv6 = `${zero} 00 ${zero} 00 ${via} 00000400 00000001 00000000 00000003    eth1
20010db8000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001    eth2
${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo
`;
  expect(defaultRoutes(ipv4, ipv6)).toEqual(['eth0', 'wlan0', 'eth1']);
  expect(defaultRoutes('', '')).toEqual([]);
});
