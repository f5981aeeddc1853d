import { type Case, del, filters, get, post } from '../case.ts';

const sleep = { Image: 'busybox', Cmd: ['sleep', '600'] };
const create = (name: string, body: object, note?: string) =>
  post(`/containers/create?name=${name}`, { ...sleep, ...body }, note === undefined ? {} : { note });
const linked = (Links: readonly string[], more: object = {}) => ({ HostConfig: { Links, ...more } });
const eventsOf = (name: string) =>
  get(`/events?since=0&until={now}&${filters({ type: ['container'], container: [name] })}`, {
    // The Engine tells of a stop and of the end that it brought in either order.
    sortBy: 'Action',
  });

const links: readonly Case[] = [
  post('/networks/create', { Name: 'lnet', CheckDuplicate: true }),
  create('lweb', {}),
  post('/containers/lweb/start'),
  create('lx', linked(['nope:db']), 'a link to nobody'),
  create('lx', linked(['a:b:c']), 'a link of three parts'),
  create('lx', linked(['']), 'an empty link'),
  create('lx', linked(['lweb:db'], { NetworkMode: 'host' }), 'a link and the host’s network'),
  create('lx', linked(['lweb:db'], { NetworkMode: 'container:lweb' }), 'a link and another’s network'),
  create('lone', linked(['lweb:db', 'lweb'])),
  post('/containers/lone/start'),
  get('/containers/lone/json', { note: 'linked' }),
  get('/containers/lone/json?size=1', { note: 'linked' }),
  create('lnone', linked(['lweb:db'], { NetworkMode: 'none' })),
  get('/containers/lnone/json', { note: 'linked without network' }),
  create('ltwo', {
    HostConfig: { NetworkMode: 'lnet' },
    NetworkingConfig: { EndpointsConfig: { lnet: { Links: ['lone:db', 'later'] } } },
  }),
  post('/containers/ltwo/start'),
  get('/containers/ltwo/json', { note: 'linked on a network' }),
  del('/containers/lone?link=1', { note: 'the container’s own name' }),
  post('/networks/nope/connect', { Container: 'nope' }, { note: 'neither exists' }),
  post('/networks/nope/disconnect', { Container: 'nope' }, { note: 'neither exists' }),
];

const update = (body: object) => post('/containers/lupd/update', body, { note: JSON.stringify(body) });
const limits: readonly Case[] = [
  create('lupd', { HostConfig: { Memory: 67108864, CpuShares: 512 } }),
  get('/containers/lupd/json', { note: 'limits' }),
  update({ CpuShares: 256, CpusetCpus: '0' }),
  update({ Memory: 100663296 }),
  update({ Memory: 268435456 }),
  update({ Memory: 268435456, MemorySwap: -1, PidsLimit: 64 }),
  update({ NanoCpus: 500000000 }),
  update({ CpuPeriod: 100000 }),
  update({ RestartPolicy: { Name: 'unless-stopped' } }),
  get('/containers/lupd/json', { note: 'limits updated' }),
  del('/containers/lupd'),
];

const processes: readonly Case[] = [
  get('/containers/lweb/top?ps_args=-o%20comm'),
  get('/containers/lnone/top', { note: 'not running' }),
  post('/containers/lweb/update', { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } }),
  get('/containers/lweb/json', { note: 'updated' }),
  post('/containers/lweb/update', { RestartPolicy: { Name: 'bogus' } }),
  post('/containers/lweb/update', { RestartPolicy: { Name: 'always', MaximumRetryCount: 2 } }),
  post('/containers/lweb/update', {}, { note: 'nothing' }),
  post('/containers/lweb/update', 'x', { note: 'not JSON' }),
  post('/containers/nope/update', {}),
  ...limits,
  post('/containers/lweb/exec', { Cmd: ['true'] }, { capture: 'lexec' }),
  post('/exec/{lexec}/start', { Detach: false }),
  post('/containers/lnone/kill?signal=NOPE', undefined, { note: 'not running, no signal' }),
  post('/containers/lweb/kill?signal=WINCH'),
  post('/containers/nope/rename?name=x', undefined, { note: 'neither is good' }),
  get('/containers/lweb/logs?stdout=1&details=1'),
  post('/containers/lone/pause'),
  post('/containers/lone/unpause'),
  get('/containers/lweb/changes'),
  get('/containers/lweb/archive'),
  post('/volumes/create', { Name: 'lvol' }),
  del('/volumes/lvol'),
];

const endings: readonly Case[] = [
  create('lstop', { StopSignal: 'SIGKILL' }),
  post('/containers/lstop/start'),

  post('/containers/lstop/stop'),
  get('/containers/lstop/json', { note: 'ended by its own signal' }),
  eventsOf('lstop'),
  del('/containers/lweb?force=1'),
  eventsOf('lweb'),
  ...['lone', 'lnone', 'ltwo', 'lstop'].map((name) => del(`/containers/${name}?force=1`)),
  post('/images/prune'),
  post(`/images/prune?${filters({ bogus: ['x'] })}`),
  get('/images/busybox/history'),
  post('/images/busybox/tag?repo=other&tag=2'),
  get('/images/other:2/json'),
  del('/images/other:2'),
  post('/networks/prune'),
];

/** What people type beyond the tables of networks and containers: links, ps, updates, ends, tidying up. */
export const sessions: readonly Case[] = [...links, ...processes, ...endings];
