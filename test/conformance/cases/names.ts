import { type Case, del, get, post } from '../case.ts';

/** Those that a network may have, and that no command of before would have tried. */
const odd = [
  ...['test 01', ' lead', 'a/b', 'ü', 'f'.repeat(64), 'e'.repeat(77), 'a..b', '-x', '*', 'a:b', '__proto__'],
  ...['xn--mnchen-3ya', '%2F', '"q"', '$(id)'],
];

const note = (name: string) => ({ note: `named ${JSON.stringify(name)}` });

/** A network by each, looked at by its name and removed. */
const networks: readonly Case[] = odd.flatMap((name) => [
  post('/networks/create', { Name: name }, note(name)),
  get(`/networks/${encodeURIComponent(name)}`, note(name)),
  del(`/networks/${encodeURIComponent(name)}`, note(name)),
]);

const containerNames = [
  'x'.repeat(64),
  'x'.repeat(300),
  'ab-',
  'ab.',
  'a..b',
  'a',
  '-ab',
  'a b',
  'é1',
  '//ab',
];

const containers: readonly Case[] = containerNames.flatMap((name) => [
  post(
    `/containers/create?name=${encodeURIComponent(name)}`,
    { Image: 'busybox', Cmd: ['true'] },
    note(name),
  ),
  del(`/containers/${encodeURIComponent(name)}`, note(name)),
]);

const volumes: readonly Case[] = ['ab-', 'a..b', 'x'.repeat(255), '..', '-ab', 'a b', 'a'].flatMap((name) => [
  post('/volumes/create', { Name: name }, note(name)),
  del(`/volumes/${encodeURIComponent(name)}`, note(name)),
]);

const others: readonly Case[] = [
  post('/networks/create', { Name: '' }, note('')),
  post('/networks/create', { Name: ' \t' }, note(' \t')),
  post('/networks/create', { Name: 'HOST' }, note('HOST')),
  del('/networks/HOST', note('HOST')),
  // The driver's options without the driver's name.
  post('/containers/create?name=logs', {
    ...{ Image: 'busybox', Cmd: ['true'] },
    HostConfig: { LogConfig: { Type: '', Config: { 'max-file': '100' } } },
  }),
  get('/containers/logs/json'),
  del('/containers/logs'),
];

export const names: readonly Case[] = [...networks, ...containers, ...volumes, ...others];
