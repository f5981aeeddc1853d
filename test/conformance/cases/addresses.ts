import { type Case, del, get, post } from '../case.ts';

const network = (Name: string, note: string, more: object, ...Config: object[]) =>
  post('/networks/create', { Name, IPAM: { Driver: 'default', Config }, ...more }, { note });
const container = (name: string, networkName: string, settings: object = {}) =>
  post(`/containers/create?name=${name}`, {
    Image: 'busybox',
    Cmd: ['sleep', '600'],
    HostConfig: { NetworkMode: networkName },
    NetworkingConfig: { EndpointsConfig: { [networkName]: settings } },
  });

/** A network, containers until it has no address left, and all of it gone again. */
function filled(name: string, note: string, more: object, ...config: object[]): readonly Case[] {
  const containers = [`${name}-1`, `${name}-2`];
  return [
    network(name, note, more, ...config),
    ...containers.flatMap((one) => [
      container(one, name),
      post(`/containers/${one}/start`, undefined, { note }),
      get(`/containers/${one}/json`, { note }),
    ]),
    ...containers.map((one) => del(`/containers/${one}?force=1`)),
    del(`/networks/${name}`, { note }),
  ];
}

const v6 = { EnableIPv6: true };

const small: readonly Case[] = [
  ...filled('small31', 'a subnet /31', {}, { Subnet: '10.79.0.0/31' }),
  ...filled('small32', 'a subnet /32', {}, { Subnet: '10.79.1.7/32' }),
  ...filled('small127', 'a subnet /127', v6, { Subnet: '10.79.2.0/24' }, { Subnet: 'fd00:79:2::/127' }),
  ...filled('range31', 'a range /31', {}, { Subnet: '10.79.4.0/24', IPRange: '10.79.4.8/31' }),
  network('x', 'subnet /128', v6, { Subnet: '10.79.3.0/24' }, { Subnet: 'fd00:79:3::/128' }),
];

const special: readonly Case[] = [
  network('loopback', 'a loopback subnet', {}, { Subnet: '127.79.0.0/24' }),
  del('/networks/loopback'),
  network('multicast', 'a multicast subnet', {}, { Subnet: '224.79.0.0/24' }),
  del('/networks/multicast'),
  network('x', 'an IPv6 multicast subnet', v6, { Subnet: '10.79.5.0/24' }, { Subnet: 'ff02::/64' }),
  network('x', 'an IPv4-mapped subnet', v6, { Subnet: '10.79.5.0/24' }, { Subnet: '::ffff:10.79.6.0/120' }),
  network('sized', 'a size only', {}, { Subnet: '0.0.0.0/24' }),
  get('/networks/sized'),
  del('/networks/sized'),
  network('idle6', 'IPv6 subnet without IPv6', {}, { Subnet: '10.79.7.0/24' }, { Subnet: 'fd00:79:7::/64' }),
  get('/networks/idle6'),
  container('idle6', 'idle6'),
  post('/containers/idle6/start'),
  get('/containers/idle6/json'),
  del('/containers/idle6?force=1'),
  del('/networks/idle6'),
];

const nullManager: readonly Case[] = [
  network('x', 'null manager', { IPAM: { Driver: 'null' } }),
  network('x', 'null manager, a subnet', {
    IPAM: { Driver: 'null', Config: [{ Subnet: '10.79.8.0/24' }] },
  }),
  network('x', 'null manager, IPv6 only', { IPAM: { Driver: 'null' }, EnableIPv4: false, ...v6 }),
];

/** Not locally administered: those are made equal before answers are compared. */
const forms = ['00-16-3e-79-00-65', '0016.3e79.0065', '00:16:3E:79:00:65', '00163e790065'];

const macs: readonly Case[] = [
  network('macs', 'for MAC addresses', {}, { Subnet: '10.79.9.0/24' }),
  ...forms.flatMap((MacAddress) => [
    container('mac1', 'macs', { MacAddress, IPAMConfig: { IPv4Address: '10.79.9.9' } }),
    post('/containers/mac1/start'),
    get('/containers/mac1/json', { note: MacAddress }),
    del('/containers/mac1?force=1'),
  ]),
  container('mac1', 'macs'),
  ...['zz', '00:16:3e:79:00', '0:16:3e:79:0:65', '0016.3e79-0065'].flatMap((MacAddress) => [
    container('mac2', 'macs', { MacAddress }),
    post(
      '/networks/macs/connect',
      { Container: 'mac1', EndpointConfig: { MacAddress } },
      { note: MacAddress },
    ),
  ]),
  del('/containers/mac1?force=1'),
  del('/networks/macs'),
];

/** Which subnets and addresses a network may have, and who gets what of them. */
export const addresses: readonly Case[] = [...small, ...special, ...nullManager, ...macs];
