import { type Case, del, get, post } from '../case.ts';

const sleep = { Image: 'busybox', Cmd: ['sleep', '600'] };
const create = (name: string, body: object, note?: string) =>
  post(`/containers/create?name=${name}`, { ...sleep, ...body }, note === undefined ? {} : { note });
const inMode = (NetworkMode: string, more: object = {}) => ({ HostConfig: { NetworkMode, ...more } });
const on = (network: string, settings: object) => ({
  ...inMode(network),
  NetworkingConfig: { EndpointsConfig: { [network]: settings } },
});
const exposed = { ExposedPorts: { '80/tcp': {} } };
const published = { PortBindings: { '80/tcp': [{ HostPort: '28090' }] } };
const address = { IPAMConfig: { IPv4Address: '172.17.0.9' } };
const logged = (LogConfig: object) => ({ HostConfig: { LogConfig } });

/** Where no port can be published none is shown. */
const ports: readonly Case[] = [
  post('/networks/create', { Name: 'tint', Internal: true }),
  create('thost', { ...inMode('host', published), ...exposed }),
  create('tnone', { ...inMode('none', published), ...exposed }),
  create('tint', { ...inMode('tint', published), ...exposed }),
  ...['thost', 'tnone', 'tint'].flatMap((name) => [
    post(`/containers/${name}/start`),
    get(`/containers/${name}/json`, { note: 'ports' }),
    del(`/containers/${name}?force=1`),
  ]),
  del('/networks/tint'),
];

/** Names and addresses on networks that nobody made. */
const predefined: readonly Case[] = [
  ...['none', 'host', 'bridge'].flatMap((network) => [
    create('taddr', on(network, address), `an address on ${network}`),
    get('/containers/taddr/json', { note: `refused on ${network}` }),
  ]),
  create('talias', on('bridge', { Aliases: ['a'] }), 'an alias on bridge'),
  create('tmac', { MacAddress: '02:42:ac:11:00:63' }),
  get('/containers/tmac/json', { note: 'a MAC address of the container' }),
  create(
    'tmac2',
    { ...on('bridge', { MacAddress: '02:42:ac:11:00:64' }), MacAddress: '02:42:ac:11:00:63' },
    'two',
  ),
  post('/networks/bridge/disconnect', { Container: 'tmac' }),
  post('/networks/bridge/connect', { Container: 'tmac', EndpointConfig: address }, { note: 'an address' }),
  post(
    '/networks/bridge/connect',
    { Container: 'tmac', EndpointConfig: { Aliases: ['a'] } },
    { note: 'an alias' },
  ),
  del('/containers/tmac'),
];

const links: readonly Case[] = [
  create('tdb', { ...exposed, Env: ['A=1'] }),
  post('/containers/tdb/start'),
  create('tweb', { HostConfig: { Links: ['tdb:db', 'tdb:two'] } }),
  post('/containers/tweb/start'),
  get('/containers/tweb/json', { note: 'linked twice' }),
  del('/containers/tweb/nope?link=1'),
  del('/containers/nope/db?link=1'),
  del('/containers/tweb/two?link=1'),
  del('/containers/tweb/two?link=1', { note: 'again' }),
  get('/containers/tweb/json', { note: 'a link less' }),
  del('/containers/tweb?force=1'),
  post('/networks/create', { Name: 'tlinks' }),
  create('tfar', inMode('tlinks')),
  post('/containers/tfar/start'),
  create('tweb', { HostConfig: { Links: ['tfar:x'] } }, 'a target on another network'),
  post('/containers/tweb/start', undefined, { note: 'a target on another network' }),
  del('/containers/tweb?force=1', { note: 'a target on another network' }),
  post('/containers/tdb/stop?t=0'),
  create('tweb', { HostConfig: { Links: ['tdb:x'] } }, 'a target that does not run'),
  post('/containers/tweb/start', undefined, { note: 'a target that does not run' }),
  ...['tweb', 'tdb', 'tfar'].map((name) => del(`/containers/${name}?force=1`, { note: 'at the end' })),
  del('/networks/tlinks'),
];

const options: readonly Case[] = [
  { ...create('tnolog', logged({ Type: 'bogus' }), 'a log driver'), aside: true },
  create('tlog', logged({ Type: 'json-file', Config: { bogus: '1' } }), 'a log option'),
  create('tlog', logged({ Config: { 'max-size': '1m', 'max-file': '2' } }), 'sizes of the log'),
  del('/containers/tlog'),
  create('tgroup', { HostConfig: { GroupAdd: ['fairlead-nobody'] } }),
  post('/containers/tgroup/start', undefined, { note: 'a group that does not exist' }),
  del('/containers/tgroup'),
  create('tuts', { Hostname: 'x', HostConfig: { UTSMode: 'host' } }, 'a name and the host’s UTS'),
  create('tuts', { HostConfig: { UTSMode: 'bogus' } }, 'UTS bogus'),
  create('tuts', { HostConfig: { UTSMode: 'host' } }),
  post('/containers/tuts/start'),
  post('/containers/tuts/exec', { Cmd: ['echo', 'hi'], Tty: true, AttachStdout: true }, { capture: 'texec' }),
  post('/exec/{texec}/start', { Detach: false, Tty: false }, { note: 'framed though it has a terminal' }),
  del('/containers/tuts?force=1'),
];

/** What issue trackers of clients tell of today's Engine. */
export const today: readonly Case[] = [...ports, ...predefined, ...links, ...options];
