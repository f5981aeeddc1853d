import { type Case, container, del, get, post } from '../case.ts';

/** Outcomes of the Engine's own tests of containers' networks, each in words of ours (docs/compatibility.md). */
const network = (Name: string, ...Config: object[]) =>
  post(
    '/networks/create',
    { Name, EnableIPv6: Config.length > 1, IPAM: { Driver: 'default', Config } },
    { capture: Name },
  );
const start = (name: string, note?: string) =>
  post(`/containers/${name}/start`, undefined, note === undefined ? {} : { note });
const shown = (name: string, note: string) => get(`/containers/${name}/json`, { note });
const gone = (name: string) => del(`/containers/${name}?force=1`, { note: 'at the end' });
const connect = (name: string, Container: string, EndpointConfig: object = {}, note?: string) =>
  post(`/networks/${name}/connect`, { Container, EndpointConfig }, note === undefined ? {} : { note });
const disconnect = (name: string, Container: string, note?: string) =>
  post(`/networks/${name}/disconnect`, { Container }, note === undefined ? {} : { note });

const setup: readonly Case[] = [
  network('pc1', { Subnet: '10.82.1.0/24' }, { Subnet: 'fd82:1::/64' }),
  network('pc2', { Subnet: '10.82.2.0/24', IPRange: '10.82.2.128/25' }, { Subnet: 'fd82:2::/64' }),
  network('pc3'),
  get('/networks/bridge', { capture: 'bridge', note: 'its id' }),
];

/** Addresses of its own choice: what a daemon chooses depends on what was there before. */
const at = (n: number, host: number) => ({
  IPAMConfig: { IPv4Address: `10.82.${n}.${host}`, IPv6Address: `fd82:${n}::${host}` },
});

/** moby integration/networking/mac_addr_test.go. Not locally administered: those are made equal. */
const mac = '00:16:3e:82:00:42';
const macs: readonly Case[] = [
  container('pm1', { default: {} }),
  shown('pm1', 'a MAC address of its own choice'),
  container('pm2', { default: { MacAddress: mac } }),
  shown('pm2', 'a MAC address on the default network'),
  container('pm3', { pc1: { MacAddress: mac, ...at(1, 10) } }),
  shown('pm3', 'a MAC address on a network'),
  {
    ...container('pm4', { default: {} }, { MacAddress: mac }),
    version: '1.43',
    note: 'a MAC address of its own',
  },
  shown('pm4', 'a MAC address of its own'),
  {
    ...container('pm5', { '{pc1}': {} }, { MacAddress: mac }),
    version: '1.43',
    note: 'by the id of a network',
  },
  shown('pm5', 'by the id of a network'),
  container('pm6', { pc1: {} }, { MacAddress: mac }),
  shown('pm6', 'a MAC address of its own, in this version'),
  ...['pm2', 'pm3', 'pm4'].flatMap((name) => [
    start(name),
    shown(name, 'running'),
    post(`/containers/${name}/restart?t=0`),
    shown(name, 'restarted'),
  ]),
  connect('pc2', 'pm4', at(2, 130), 'the MAC address is of another network'),
  shown('pm4', 'on another network'),
  ...['pm1', 'pm2', 'pm3', 'pm4', 'pm5', 'pm6'].map(gone),
];

/** Asked-for addresses, kept over a restart; those that cannot be. */
const addresses: readonly Case[] = [
  container('pa1', { pc1: { IPAMConfig: { IPv4Address: '10.82.1.88', IPv6Address: 'fd82:1::9988' } } }),
  start('pa1'),
  connect('pc2', 'pa1', { IPAMConfig: { IPv4Address: '10.82.2.144', IPv6Address: 'fd82:2::5544' } }),
  shown('pa1', 'with addresses'),
  post('/containers/pa1/restart?t=0'),
  shown('pa1', 'with addresses, restarted'),
  container('pa2', { default: {} }),
  connect(
    'pc1',
    'pa2',
    { IPAMConfig: { IPv4Address: '10.82.1.44', IPv6Address: 'fd82:1::5544' } },
    'created',
  ),
  shown('pa2', 'with addresses to be'),
  start('pa2'),
  shown('pa2', 'with addresses'),
  post('/containers/pa2/stop?t=0'),
  shown('pa2', 'with addresses, stopped'),
  ...[
    { IPv4Address: 'my_ip' },
    { IPv4Address: 'fd82:1::7' },
    { IPv6Address: 'my_ip6' },
    { IPv6Address: '10.82.1.99' },
    { IPv6Address: '::ffff:10.82.1.99' },
    { IPv4Address: '10.83.1.99' },
    { IPv4Address: '0.0.0.0' },
    { LinkLocalIPs: ['169.253.5.5'] },
    { LinkLocalIPs: ['2001:db8::89'] },
  ].map((IPAMConfig) => ({
    ...container('px', { pc1: { IPAMConfig } }),
    note: JSON.stringify(IPAMConfig),
  })),
  gone('px'),
  { ...container('px', { pc2: { IPAMConfig: { IPv4Address: '10.82.2.7' } } }), note: 'outside the range' },
  ...[{ IPv4Address: '172.28.99.88' }, { IPv6Address: '2001:db8:1234::9988' }].flatMap((IPAMConfig) => [
    { ...container('px', { pc3: { IPAMConfig } }), note: `${JSON.stringify(IPAMConfig)} without a subnet` },
    start('px', `${JSON.stringify(IPAMConfig)} without a subnet`),
    del('/containers/px?force=1', { note: `${JSON.stringify(IPAMConfig)} without a subnet` }),
  ]),
  { ...container('px', { default: { IPAMConfig: { IPv4Address: '172.17.0.9' } } }), note: 'on default' },
  container('pa3', {
    pc1: { IPAMConfig: { ...at(1, 11).IPAMConfig, LinkLocalIPs: ['169.254.7.7', 'fe80::254:77'] } },
  }),
  start('pa3'),
  shown('pa3', 'with link-local addresses'),
  ...['pa1', 'pa2', 'pa3'].map(gone),
];

/** Networks that come and go under a container that runs, or does not. */
const moves: readonly Case[] = [
  post('/containers/create?name=pv1', {
    ...{ Image: 'busybox', Cmd: ['sleep', '600'] },
    HostConfig: { NetworkMode: '{pc1}' },
    NetworkingConfig: { EndpointsConfig: { pc1: at(1, 12) } },
  }),
  start('pv1', 'a network by its id'),
  shown('pv1', 'a network by its id'),
  connect('bridge', 'pv1', {}, 'the default network'),
  shown('pv1', 'on the default network, too'),
  connect('bridge', 'pv1', {}, 'twice'),
  shown('pv1', 'as before'),
  post('/containers/pv1/restart?t=0', undefined, { note: 'on two networks' }),
  shown('pv1', 'on two networks, restarted'),
  container('pv2', { default: {} }),
  connect('pc1', 'pv2', at(1, 13)),
  connect('pc2', 'pv2', at(2, 133)),
  disconnect('{bridge}', 'pv2', 'by the id, of one that is created'),
  start('pv2'),
  shown('pv2', 'not on the default network'),
  disconnect('pc1', 'pv2'),
  disconnect('pc2', 'pv2'),
  shown('pv2', 'on none'),
  connect('host', 'pv2', {}, 'of one that is on none'),
  ...['bridge', 'host', 'none'].map((name) => connect(name, 'pv2', { Aliases: ['a'] }, 'an alias')),
  network('pvgone', { Subnet: '10.82.9.0/24' }),
  container('pv3', { pvgone: {} }),
  start('pv3'),
  post('/containers/pv3/stop?t=0'),
  del('/networks/pvgone'),
  shown('pv3', 'its network is gone'),
  post(
    '/networks/pvgone/disconnect',
    { Container: 'pv3', Force: true },
    { note: 'of a network that is gone' },
  ),
  shown('pv3', 'disconnected from a network that is gone'),
  post('/containers/create?name=pv4', {
    ...{ Image: 'busybox', Cmd: ['sleep', '600'] },
    HostConfig: { NetworkMode: 'host' },
  }),
  start('pv4'),
  disconnect('host', 'pv4', 'of one that is there'),
  ...['pv1', 'pv2', 'pv3', 'pv4'].map(gone),
];

/** A port is published by the networks that can carry it: TestGatewaySelection, TestAllPortMappingsAreReturned. */
const ports: readonly Case[] = [
  network('pp4', { Subnet: '10.82.4.0/24' }),
  post('/networks/create', {
    ...{ Name: 'pp6', EnableIPv4: false, EnableIPv6: true },
    IPAM: { Driver: 'default', Config: [{ Subnet: 'fd82:6::/64' }] },
  }),
  container(
    'pp',
    { pp4: {} },
    {
      ExposedPorts: { '80/tcp': {}, '81/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '28480' }] } },
    },
  ),
  start('pp'),
  shown('pp', 'a port by IPv4'),
  connect('pp6', 'pp'),
  shown('pp', 'a port by each family'),
  disconnect('pp6', 'pp'),
  connect('pc1', 'pp', at(1, 14)),
  shown('pp', 'a port by a network of both families'),
  disconnect('pc1', 'pp'),
  shown('pp', 'a port by IPv4 again'),
  container(
    'ptaken',
    { pp4: {} },
    {
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        PortBindings: { '80/tcp': [{ HostPort: '28480' }] },
        RestartPolicy: { Name: 'always' },
      },
    },
  ),
  start('ptaken', 'port taken'),
  get('/containers/ptaken/json', { note: 'after a start that failed' }),
  ...['pp', 'ptaken'].map(gone),
  ...['pp4', 'pp6', 'pc1', 'pc2', 'pc3'].map((name) => del(`/networks/${name}`, { note: 'at the end' })),
];

export const peersContainers: readonly Case[] = [...setup, ...macs, ...addresses, ...moves, ...ports];
