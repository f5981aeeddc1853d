import { type Case, del, get, post } from '../case.ts';

/** Networks on an interface of the host; run.ts gives each host `up0` and `up2`. What not every kernel has is not asked for. */
const create = (Name: string, Driver: string, Options: object, more: object = {}) =>
  post(
    '/networks/create',
    { Name, Driver, Options, ...more },
    { note: `${Driver} ${JSON.stringify(Options)}` },
  );
const on = (Subnet: string) => ({ IPAM: { Driver: 'default', Config: [{ Subnet }] } });

const refused: readonly Case[] = ['macvlan', 'ipvlan'].flatMap((driver) => [
  create('x', driver, { parent: 'up0', [`${driver}_mode`]: 'bogus' }),
  create('x', driver, { parent: 'lo' }),
  create('x', driver, { parent: 'nope0' }),
  create('x', driver, { parent: 'nope0.50' }),
  create('x', driver, { parent: 'up0.x' }),
  create('x', driver, { parent: 'up0.5000' }),
  create('x', driver, { parent: 'up0.1.2' }),
]);

const macvlan: readonly Case[] = [
  create('x', 'ipvlan', { parent: 'up0', ipvlan_flag: 'bogus' }),
  create('mv', 'macvlan', { parent: 'up0' }, on('10.79.1.0/24')),
  get('/networks/mv', { note: 'macvlan' }),
  create('mv2', 'macvlan', { parent: 'up0', macvlan_mode: 'private' }, on('10.79.2.0/24')),
  create('x', 'macvlan', { parent: 'up0', macvlan_mode: 'passthru' }),
  create('x', 'macvlan', { parent: 'up2' }, on('10.79.1.0/25')),
  create('mvp', 'macvlan', { parent: 'up2', macvlan_mode: 'passthru' }, on('10.79.3.0/24')),
  create('x', 'macvlan', { parent: 'up2' }),
  post('/containers/create?name=mvc', {
    ...{ Image: 'busybox', Cmd: ['sleep', '600'], ExposedPorts: { '80/tcp': {} } },
    HostConfig: { NetworkMode: 'mv', PortBindings: { '80/tcp': [{ HostPort: '28099' }] } },
  }),
  post('/containers/mvc/start'),
  get('/containers/mvc/json', { note: 'on macvlan' }),
  get('/networks/mv', { note: 'macvlan with a container' }),
  del('/networks/mv', { note: 'macvlan in use' }),
  del('/containers/mvc?force=1'),
  ...['mv', 'mv2', 'mvp'].map((name) => del(`/networks/${name}`)),
];

export const stacked: readonly Case[] = [...refused, ...macvlan];
