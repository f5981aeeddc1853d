import { type Case, container, del, filters, get, inside, post } from '../case.ts';

/** Outcomes of the Engine's own tests, each in words of ours (docs/compatibility.md, "Other people's tests"). */
const create = (Name: string, more: object = {}, note = Name) =>
  post('/networks/create', { Name, ...more }, { note, capture: Name });
const subnets = (...Config: object[]) => ({ IPAM: { Driver: 'default', Config } });
const v6 = { EnableIPv6: true };

/** moby integration/network: TestNetworkInvalidJSON. */
const bodies: readonly Case[] = ['/networks/bridge/connect', '/networks/bridge/disconnect'].flatMap(
  (path) => [
    post(path, '{}', { headers: { 'content-type': 'text/plain' }, note: 'text/plain' }),
    post(path, '{invalid json', { note: 'invalid JSON' }),
    post(path, '{} trailing content', { note: 'trailing content' }),
    post(path, '', { headers: { 'content-type': 'application/json' }, note: 'an empty body' }),
  ],
);

/** TestDockerNetworkDeletePreferID: names that are ids, and beginnings of ids, of other networks. */
const ambiguous: readonly Case[] = [
  create('pid'),
  create('{pid:12}', {}, 'named as the short id'),
  create('{pid}', {}, 'named as the id'),
  del('/networks/{pid:12}', { note: 'the name wins over a short id' }),
  get(`/networks?${filters({ name: ['pid'] })}`, { note: 'pid is still there' }),
  del('/networks/{pid}', { note: 'the id wins over a name' }),
  get(`/networks?${filters({ name: ['pid'] })}`, { note: 'pid is gone' }),
  del('/networks/{pid}', { note: 'the name' }),
  del('/networks/{pid}', { note: 'nothing is left' }),
];

/** Test64BitIPRange and TestIPRangeAt64BitLimit. */
const wide: readonly Case[] = [
  ...['/64', '/56'].flatMap((size) =>
    [undefined, 'fd79:68:9::/64'].flatMap((IPRange) =>
      [undefined, 'fd79:68:9::1'].flatMap((Gateway) => {
        const note = `${size}, range ${IPRange}, gateway ${Gateway}`;
        const config = { Subnet: `fd79:68:9::${size}`, IPRange, Gateway };
        return [
          create('p64', { ...v6, ...subnets({ Subnet: '10.81.0.0/24' }, config) }, note),
          get('/networks/p64', { note }),
          del('/networks/p64', { note }),
        ];
      }),
    ),
  ),
  ...[
    ['fd79:68:a::/64', 'fd79:68:a::ffff:ffff:ffff:ff0e/127'],
    ['fd79:68:a::/64', 'fd79:68:a::ffff:ffff:ffff:fffe/127'],
    ['fd79:68:a::/56', 'fd79:68:a:aa:ffff:ffff:ffff:fffe/127'],
  ].flatMap(([Subnet, IPRange]) => [
    create('p64', { ...v6, ...subnets({ Subnet: '10.81.0.0/24' }, { Subnet, IPRange }) }, `range ${IPRange}`),
    container('p64c', { p64: {} }),
    post('/containers/p64c/start', undefined, { note: `range ${IPRange}` }),
    del('/containers/p64c?force=1'),
    del('/networks/p64', { note: `range ${IPRange}` }),
  ]),
];

/** TestPointToPoint: nobody needs the gateway's address. */
const pointToPoint: readonly Case[] = [
  create('p2p', {
    Internal: true,
    ...subnets({ Subnet: '10.81.1.0/31' }),
    Options: { 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' },
  }),
  ...['p2p1', 'p2p2'].flatMap((name) => [
    container(name, { p2p: {} }),
    post(`/containers/${name}/start`),
    get(`/containers/${name}/json`, { note: 'point to point' }),
  ]),
  ...['p2p1', 'p2p2'].map((name) => del(`/containers/${name}?force=1`)),
  del('/networks/p2p'),
];

/** docker_cli_network_unix_test.go: filters, IPAM, odd names, containers of a network. */
const classics: readonly Case[] = [
  create('pdev', subnets({ Subnet: '10.81.2.0/24' })),
  get('/networks?filters={"id":["{pdev:5}"]}', { note: 'a partial id' }),
  get(`/networks?${filters({ name: ['dge'] })}`, { sortBy: 'Name' }),
  get(`/networks?${filters({ type: ['custom', 'builtin'] })}`, { sortBy: 'Name', note: 'both types' }),
  get('/networks/{pdev}', { note: 'by its id' }),
  get('/networks/{pdev:11}', { note: 'by a partial id' }),
  del('/networks/default'),
  create('x', subnets({ Subnet: '10.81.3.0/24' }, { Subnet: '10.81.3.0/25' }), 'overlaps itself'),
  create('x', subnets({ Subnet: '10.81.2.128/25' }), 'overlaps another'),
  create(
    'x',
    subnets({ Subnet: '10.81.3.0/24', Gateway: '10.81.3.1' }, { Gateway: '10.81.3.2' }),
    'gateways',
  ),
  create(
    'porder',
    { ...v6, ...subnets({ Subnet: 'fd81:4::/64' }, { Subnet: '10.81.4.0/24' }) },
    'IPv6 first',
  ),
  get('/networks/porder', { note: 'IPv6 first' }),
  del('/networks/porder'),
  create('pnov4', { ...v6, EnableIPv4: false, ...subnets({ Subnet: 'fd81:5::/64' }) }),
  get('/networks/pnov4'),
  del('/networks/pnov4'),
  ...['test@#$', 'kiwl$%^'].flatMap((Name) => [
    create(Name, {}, `named ${JSON.stringify(Name)}`),
    del(`/networks/${encodeURIComponent(Name)}`, { note: `named ${JSON.stringify(Name)}` }),
  ]),
  container('pname', { pdev: {} }),
  post('/containers/pname/start'),
  post('/containers/pname/rename?name=HappyNewName'),
  get('/networks/pdev', { note: 'its container has a new name' }),
  post('/networks/pdev/disconnect', { Container: 'HappyNewName', Force: true }, { note: 'by force' }),
  get('/networks/pdev', { note: 'nobody is on it' }),
  del('/containers/HappyNewName?force=1'),
  del('/networks/pdev'),
];

/** TestDefaultNetworkOpts with config-from, and an address that ports are bound to. */
const options: readonly Case[] = [
  post('/networks/create', {
    ...{ Name: 'pconf', ConfigOnly: true },
    Options: { 'com.docker.network.driver.mtu': '1233' },
  }),
  create('pmtu', { ConfigFrom: { Network: 'pconf' } }),
  container('pmtu', { pmtu: {} }),
  post('/containers/pmtu/start'),
  ...inside('pmtu', 'cat /sys/class/net/eth0/mtu', 'MTU of config-from'),
  del('/containers/pmtu?force=1'),
  del('/networks/pmtu'),
  del('/networks/pconf', { note: 'no longer in use' }),
  create('pbind', {
    ...subnets({ Subnet: '10.81.6.0/24', Gateway: '10.81.6.1' }),
    Options: { 'com.docker.network.bridge.host_binding_ipv4': '10.81.6.1' },
  }),
  container(
    'pbind',
    { pbind: {} },
    {
      ExposedPorts: { '5000/tcp': {} },
      HostConfig: { PortBindings: { '5000/tcp': [{ HostPort: '28500' }] } },
    },
  ),
  post('/containers/pbind/start'),
  get(`/containers/json?${filters({ name: ['pbind'] })}`, { note: 'host binding' }),
  get('/containers/pbind/json', { note: 'host binding' }),
  del('/containers/pbind?force=1'),
  container(
    'punex',
    { pbind: { IPAMConfig: { IPv4Address: '10.81.6.8' } } },
    { HostConfig: { PortBindings: { '81/tcp': [{ HostPort: '28501' }] } } },
  ),
  post('/containers/punex/start'),
  get('/containers/punex/json', { note: 'published and not exposed' }),
  del('/containers/punex?force=1'),
  del('/networks/pbind'),
];

export const peersNetworks: readonly Case[] = [
  ...bodies,
  ...ambiguous,
  ...wide,
  ...pointToPoint,
  ...classics,
  ...options,
];
