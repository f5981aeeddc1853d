import { type Case, container, del, get, inside, post } from '../case.ts';

/** What the Engine's own tests look at inside a container: its interfaces, routes, settings and files. */
const network = (Name: string, Config: readonly object[], more: object = {}) =>
  post('/networks/create', {
    Name,
    EnableIPv6: Config.length > 1,
    IPAM: { Driver: 'default', Config },
    ...more,
  });
const start = (name: string, note?: string) =>
  post(`/containers/${name}/start`, undefined, note === undefined ? {} : { note });
const gone = (name: string) => del(`/containers/${name}?force=1`, { note: 'at the end' });
const connect = (name: string, Container: string, EndpointConfig: object = {}) =>
  post(`/networks/${name}/connect`, { Container, EndpointConfig });
const disconnect = (name: string, Container: string) => post(`/networks/${name}/disconnect`, { Container });
const inMode = (NetworkMode: string, HostConfig: object = {}, more: object = {}) => ({
  ...{ Image: 'busybox', Cmd: ['sleep', '600'] },
  ...more,
  HostConfig: { NetworkMode, ...HostConfig },
});

/** Addresses of its own choice: what a daemon chooses depends on what was there before. */
const at = (n: number, host: number, more: object = {}) => ({
  ...more,
  IPAMConfig: {
    ...(n < 6 && { IPv4Address: `10.83.${n}.${host}` }),
    ...((n < 4 || n === 6) && { IPv6Address: `fd83:${n}::${host}` }),
  },
});

/** Next hop and device of the default routes. */
const gateways = (name: string, note: string) =>
  inside(
    name,
    `echo $(awk '$2 == "00000000" { print $1, $3 }' /proc/net/route;
      awk '$1 ~ /^0+$/ && $2 == "00" && $5 !~ /^0+$/ { print $5, $10 }' /proc/net/ipv6_route)`,
    `gateways, ${note}`,
  );
/** But for those that the kernel makes of a MAC address. */
const addresses6 = (name: string, note: string) =>
  inside(
    name,
    `echo $(awk '$1 !~ /^fe80/ { print $1, $6 }' /proc/net/if_inet6 | sort;
      cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6)`,
    `IPv6 addresses, ${note}`,
  );
const interfaces = (name: string, note: string) =>
  inside(name, 'cd /sys/class/net && echo *', `interfaces, ${note}`);
const hosts = (name: string, note: string) => inside(name, 'cat /etc/hosts', `hosts, ${note}`);

const setup: readonly Case[] = [
  ...[1, 2, 3].map((n) =>
    network(`pk${n}`, [
      { Subnet: `10.83.${n}.0/24`, Gateway: `10.83.${n}.1` },
      { Subnet: `fd83:${n}::/64`, Gateway: `fd83:${n}::1` },
    ]),
  ),
  network('pk4', [{ Subnet: '10.83.4.0/24' }]),
  network('pk5', [{ Subnet: '10.83.5.0/24' }], { Internal: true }),
  network('pk6', [{ Subnet: 'fd83:6::/64' }], { EnableIPv4: false, EnableIPv6: true }),
];

/** TestCreateWithPriority, TestConnectWithPriority, TestGatewaySelection. */
const routes: readonly Case[] = [
  container('pkg1', { pk1: at(1, 10, { GwPriority: 10 }), pk2: at(2, 10, { GwPriority: 100 }) }),
  start('pkg1'),
  // The Engine puts in the two in any order.
  inside('pkg1', `awk '$2 == "00000000" { print $3 }' /proc/net/route`, 'gateway of the higher priority'),
  gone('pkg1'),
  container('pkg2', { pk1: at(1, 11) }),
  start('pkg2'),
  gateways('pkg2', 'one network'),
  connect('pk5', 'pkg2', at(5, 11, { GwPriority: 200 })),
  gateways('pkg2', 'an internal network'),
  connect('pk3', 'pkg2', at(3, 11, { GwPriority: -100 })),
  gateways('pkg2', 'a lower priority'),
  connect('pk2', 'pkg2', at(2, 11, { GwPriority: 100 })),
  gateways('pkg2', 'a higher priority'),
  get('/containers/pkg2/json', { note: 'priorities' }),
  disconnect('pk2', 'pkg2'),
  gateways('pkg2', 'without it'),
  disconnect('pk1', 'pkg2'),
  gateways('pkg2', 'with what is left'),
  gone('pkg2'),
  container('pkg3', { pk4: at(4, 12) }),
  start('pkg3'),
  gateways('pkg3', 'IPv4 only'),
  connect('pk6', 'pkg3', at(6, 12)),
  gateways('pkg3', 'IPv6 by another network'),
  disconnect('pk6', 'pkg3'),
  connect('pk1', 'pkg3', at(1, 12)),
  gateways('pkg3', 'a network of both'),
  gone('pkg3'),
].flat();

const withAddress = {
  NetworkingConfig: { EndpointsConfig: { pk1: { IPAMConfig: { IPv4Address: '10.83.1.13' } } } },
};

/** TestDisableIPv6Addrs, TestContainerDisabledIPv6, TestNonIPv6Network, TestDisableIPv4. */
const families: readonly Case[] = [
  post(
    '/containers/create?name=pkn1',
    inMode('pk1', { Sysctls: { 'net.ipv6.conf.all.disable_ipv6': '1' } }, withAddress),
  ),
  start('pkn1'),
  addresses6('pkn1', 'switched off'),
  hosts('pkn1', 'IPv6 switched off'),
  get('/containers/pkn1/json', { note: 'IPv6 switched off' }),
  get('/networks/pk1', { note: 'IPv6 switched off for its container' }),
  gateways('pkn1', 'IPv6 switched off'),
  connect('pk2', 'pkn1', { IPAMConfig: { IPv4Address: '10.83.2.13' } }),
  addresses6('pkn1', 'switched off, on two'),
  gone('pkn1'),
  container('pkn2', { pk1: at(1, 14) }),
  start('pkn2'),
  addresses6('pkn2', 'switched on'),
  gone('pkn2'),
  container('pkn4', { pk4: at(4, 14) }),
  start('pkn4'),
  addresses6('pkn4', 'a network without'),
  gone('pkn4'),
  container('pkn6', { pk6: at(6, 14) }),
  start('pkn6'),
  addresses6('pkn6', 'a network without IPv4'),
  get('/containers/pkn6/json', { note: 'IPv6 only' }),
  hosts('pkn6', 'IPv6 only'),
  gone('pkn6'),
  post('/containers/create?name=pkn7', inMode('pk6', { Sysctls: { 'net.ipv6.conf.all.disable_ipv6': '1' } })),
  start('pkn7', 'no family is left'),
  get('/containers/pkn7/json', { note: 'no family is left' }),
  gone('pkn7'),
  {
    ...network('pkold', [{ Subnet: '10.83.7.0/24' }], { EnableIPv4: false }),
    ...{ version: '1.46', note: 'EnableIPv4 of an older version' },
  },
  get('/networks/pkold'),
  del('/networks/pkold'),
].flat();

/** TestEtcHostsDisconnect, TestEtcHostsIpv6. */
const files: readonly Case[] = [
  post(
    '/containers/create?name=pkh',
    inMode(
      'pk1',
      { ExtraHosts: ['otherhost.invalid:192.0.2.3', 'otherhost.invalid:2001:db8::1234'] },
      { Hostname: 'c1.invalid', NetworkingConfig: { EndpointsConfig: { pk1: at(1, 15) } } },
    ),
  ),
  start('pkh'),
  hosts('pkh', 'on one network'),
  connect('pk2', 'pkh', at(2, 15)),
  hosts('pkh', 'on two networks'),
  disconnect('pk1', 'pkh'),
  hosts('pkh', 'on the second'),
  connect('pk1', 'pkh', at(1, 15)),
  hosts('pkh', 'on the first again'),
  disconnect('pk1', 'pkh'),
  disconnect('pk2', 'pkh'),
  hosts('pkh', 'on none'),
  gone('pkh'),
  post('/containers/create?name=pkd', inMode('default', {}, { Hostname: 'pkd' })),
  start('pkd'),
  hosts('pkd', 'on the default network'),
  addresses6('pkd', 'on the default network'),
  gone('pkd'),
].flat();

const named = (name: string) => ({ DriverOpts: { 'com.docker.network.endpoint.ifname': name } });

/** TestEndpointWithCustomIfname, TestCustomIfname…, TestSetInterfaceSysctl, TestSetEndpointSysctl. */
const devices: readonly Case[] = [
  container('pki', { pk1: named('foobar') }),
  start('pki'),
  interfaces('pki', 'a name'),
  post(
    '/networks/pk2/connect',
    { Container: 'pki', EndpointConfig: named('foobar') },
    { note: 'a name taken' },
  ),
  gone('pki'),
  container('pkj', { pk1: named('eth1'), pk2: {} }),
  start('pkj'),
  interfaces('pkj', 'eth1 by name, eth0 by itself'),
  connect('pk3', 'pkj'),
  disconnect('pk2', 'pkj'),
  disconnect('pk3', 'pkj'),
  interfaces('pkj', 'eth1 alone'),
  connect('pk3', 'pkj'),
  interfaces('pkj', 'eth0 again'),
  gone('pkj'),
  {
    ...post(
      '/containers/create?name=pks',
      inMode(
        'pk4',
        { Sysctls: { 'net.ipv4.conf.eth0.forwarding': '0' } },
        { NetworkingConfig: { EndpointsConfig: { pk4: at(4, 16) } } },
      ),
    ),
    ...{ version: '1.46', note: 'a setting of an interface' },
  },
  start('pks'),
  inside('pks', 'cat /proc/sys/net/ipv4/conf/eth0/forwarding', 'a setting of an interface'),
  get('/containers/pks/json', { note: 'a setting of an interface' }),
  gone('pks'),
  post(
    '/containers/create?name=pks',
    inMode(
      'pk4',
      { Sysctls: { 'net.ipv4.conf.eth0.forwarding': '0' } },
      { NetworkingConfig: { EndpointsConfig: { pk4: at(4, 16) } } },
    ),
    {
      note: 'a setting of an interface, in this version',
    },
  ),
  gone('pks'),
  ...['IFNAME', 'ifname'].map((word) => [
    {
      ...container('pke', {
        pk4: { DriverOpts: { 'com.docker.network.endpoint.sysctls': `net.ipv4.conf.${word}.forwarding=0` } },
      }),
      note: `a setting of ${word}`,
    },
    start('pke', word),
    inside('pke', 'cat /proc/sys/net/ipv4/conf/eth0/forwarding', `a setting of ${word}`),
    gone('pke'),
  ]),
  ...[1, 2, 3, 4, 5, 6].map((n) => del(`/networks/pk${n}`, { note: 'at the end' })),
].flat(2);

export const peersKernel: readonly Case[] = [...setup, ...routes, ...families, ...files, ...devices];
