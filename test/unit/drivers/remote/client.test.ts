import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PluginClient } from '../../../../drivers/remote/client.ts';
import { findPlugin, listPlugins } from '../../../../drivers/remote/discovery.ts';
import { Plugins } from '../../../../drivers/remote/plugins.ts';
import { kindOf, messageOf } from '../../../../src/lib/errors.ts';
import { makeCertificates } from '../../../rig/certificates.ts';
import { type PluginAnswers, PluginPlace } from '../../../rig/plugin-server.ts';

const patience = { pauses: [10, 20, 40], limit: 1000, shortLimit: 100 };
const activate = { json: { Implements: ['NetworkDriver'] } };
const anything = z.looseObject({});

let place: PluginPlace;
beforeEach(async () => {
  place = await PluginPlace.create();
});
afterEach(() => place[Symbol.asyncDispose]());

const call = (name: string, method = 'CreateNetwork', request: unknown = { NetworkID: 'n' }) =>
  new Plugins(place.directories, patience).named(name).call('NetworkDriver', method, request, anything);

async function failure(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'no failure',
    (error: unknown) => `${kindOf(error)}: ${messageOf(error)}`,
  );
}

describe('where plugins are found', () => {
  test('in the order of Docker, a socket before files', async () => {
    const [etc, usr] = [join(place.root, 'etc'), join(place.root, 'usr')];
    const find = () => findPlugin('p', place.directories);
    const tcp = (port: number) => ({ kind: 'tcp', host: '127.0.0.1', port });
    expect(await find()).toBeUndefined();
    await mkdir(join(usr, 'p'));
    await writeFile(join(usr, 'p', 'p.json'), '{"Name":"p","Addr":"http://127.0.0.1:6"}');
    expect(await find()).toEqual(tcp(6));
    await writeFile(join(usr, 'p.json'), '{"Addr":"tcp://127.0.0.1:5"}');
    expect(await find()).toEqual(tcp(5));
    await writeFile(join(usr, 'p.spec'), ' tcp://127.0.0.1:4\n');
    expect(await find()).toEqual(tcp(4));
    await mkdir(join(etc, 'p'));
    await writeFile(join(etc, 'p', 'p.spec'), 'tcp://[::1]:3');
    expect(await find()).toEqual({ kind: 'tcp', host: '::1', port: 3 });
    await writeFile(join(etc, 'p.spec'), 'unix:///somewhere/p.sock');
    expect(await find()).toEqual({ kind: 'unix', path: '/somewhere/p.sock' });
    await mkdir(join(place.root, 'run', 'p'));
    await place.serve({}, join(place.root, 'run', 'p', 'p.sock'));
    expect(await find()).toEqual({ kind: 'unix', path: join(place.root, 'run', 'p', 'p.sock') });
    await writeFile(place.socket('q'), 'a plain file is no socket');
    expect(await findPlugin('q', place.directories)).toBeUndefined();
    expect(listPlugins(place.directories)).toEqual(['p', 'q']);
  });

  test('a name cannot leave the directories', async () => {
    await writeFile(join(place.root, 'x.spec'), 'tcp://127.0.0.1:4');
    expect(await findPlugin('../x', place.directories)).toBeUndefined();
    expect(await failure(call('../x'))).toBe('unavailable: plugin "../x" not found');
  });

  test.each([
    ['bad.spec', 'localhost:99', '"localhost:99" is no address'],
    ['bad.spec', '', '"" is no address'],
    ['bad.json', '{bad', 'Expected property name'],
    ['bad.json', '{"Name":"bad"}', 'Addr'],
    ['bad.json', '{"Addr":"https://h:1","TLSConfig":{"CAFile":"/nowhere"}}', 'ENOENT'],
  ])('%s with %s is said to be wrong', async (file, text, words) => {
    await writeFile(join(place.root, 'etc', file), text);
    const said = await failure(call('bad'));
    expect(said).toContain(`unavailable: plugin "bad": ${join(place.root, 'etc', file)}: `);
    expect(said).toContain(words);
    expect(said).not.toContain('\n');
  });
});

describe('a call', () => {
  test('is a POST with the headers of an Engine, after one activation', async () => {
    const plugin = await place.serve({ 'Plugin.Activate': activate }, place.socket('p'));
    const p = new Plugins(place.directories, patience).named('p');
    await p.call('NetworkDriver', 'GetCapabilities', undefined, anything);
    await p.call('NetworkDriver', 'DeleteNetwork', { NetworkID: 'n' }, anything);
    expect(plugin.calls.map(({ method, body }) => [method, body])).toEqual([
      ['Plugin.Activate', undefined],
      ['NetworkDriver.GetCapabilities', undefined],
      ['NetworkDriver.DeleteNetwork', { NetworkID: 'n' }],
    ]);
    const { accept, 'content-type': type } = plugin.calls[0]?.headers ?? {};
    expect([accept, type]).toEqual(['application/vnd.docker.plugins.v1.2+json', undefined]);
  });

  test('goes over TCP, and over TLS with the keys that a .json file names', async () => {
    const tcp = await place.serve({ 'Plugin.Activate': activate }, 0);
    await writeFile(join(place.root, 'etc', 'p.spec'), `tcp://127.0.0.1:${tcp.port}`);
    await call('p');
    expect(tcp.methods).toEqual(['Plugin.Activate', 'NetworkDriver.CreateNetwork']);
    await using made = await makeCertificates();
    const [ca, cert, key] = await Promise.all(
      Object.values(made.server).map((file) => readFile(file, 'utf8')),
    );
    const keys = { ca: [ca ?? ''], cert: cert ?? '', key: key ?? '', requestCert: true };
    const tls = await place.serve({ 'Plugin.Activate': activate }, 0, keys);
    const TLSConfig = { CAFile: made.ca, CertFile: made.client.cert, KeyFile: made.client.key };
    const file = (config: object) =>
      JSON.stringify({ Addr: `https://127.0.0.1:${tls.port}`, TLSConfig: config });
    await writeFile(join(place.root, 'etc', 's.json'), file(TLSConfig));
    await call('s');
    await writeFile(join(place.root, 'etc', 't.json'), file({ CAFile: made.ca }));
    expect(await failure(call('t'))).toContain('plugin "t" did not answer Plugin.Activate');
  });

  test.each<[string, PluginAnswers, string]>([
    ['an Err', { 'NetworkDriver.CreateNetwork': { json: { Err: 'no' } } }, 'internal: remote: no'],
    ['an Error', { 'NetworkDriver.CreateNetwork': { json: { Error: 'no' } } }, 'internal: remote: no'],
    [
      'an Err of many lines',
      { 'NetworkDriver.CreateNetwork': { json: { Err: 'a\n\tb\u001b[1m' } } },
      'internal: remote: a b [1m',
    ],
    [
      '500 with an Err',
      { 'NetworkDriver.CreateNetwork': { status: 500, json: { Err: 'no' } } },
      'internal: NetworkDriver.CreateNetwork: no',
    ],
    [
      '400 with a text',
      { 'NetworkDriver.CreateNetwork': { status: 400, text: 'bad\n' } },
      'internal: NetworkDriver.CreateNetwork: bad',
    ],
    [
      '201',
      { 'NetworkDriver.CreateNetwork': { status: 201, text: '' } },
      'internal: NetworkDriver.CreateNetwork: status 201',
    ],
    [
      '404',
      { 'NetworkDriver.CreateNetwork': { status: 404, text: 'page not found' } },
      'unsupported: NetworkDriver.CreateNetwork: page not found',
    ],
    [
      'no JSON',
      { 'NetworkDriver.CreateNetwork': { text: 'zz' } },
      'internal: plugin "p" answered NetworkDriver.CreateNetwork with what is not JSON: zz',
    ],
    [
      'nothing',
      { 'NetworkDriver.CreateNetwork': { text: '' } },
      'internal: plugin "p" answered NetworkDriver.CreateNetwork with nothing (EOF)',
    ],
    [
      'no object',
      { 'NetworkDriver.CreateNetwork': { text: '[1]' } },
      'internal: plugin "p" answered NetworkDriver.CreateNetwork wrongly: the answer: Invalid input: expected object, received array: [1]',
    ],
    [
      'a cut connection',
      { 'NetworkDriver.CreateNetwork': 'drop' },
      'unavailable: plugin "p" did not answer NetworkDriver.CreateNetwork: it closed the connection without an answer',
    ],
    [
      'silence',
      { 'NetworkDriver.CreateNetwork': 'hang' },
      'unavailable: plugin "p" did not answer NetworkDriver.CreateNetwork: no answer within 1 s',
    ],
    [
      'another service',
      { 'Plugin.Activate': { json: { Implements: ['VolumeDriver'] } } },
      'internal: legacy plugin: Plugin does not implement the requested driver: "p" implements VolumeDriver, not NetworkDriver',
    ],
    [
      'a failing activation',
      { 'Plugin.Activate': { status: 500, text: 'no' } },
      'internal: legacy plugin: Plugin.Activate: no',
    ],
    [
      'an answer without end',
      { 'NetworkDriver.CreateNetwork': { text: ' '.repeat(5_000_000) } },
      'unavailable: plugin "p" did not answer NetworkDriver.CreateNetwork: an answer of more than 4194304 bytes',
    ],
  ])('that gets %s fails in one line', async (_what, answers, said) => {
    const plugin = await place.serve({ 'Plugin.Activate': activate, ...answers }, place.socket('p'));
    expect(await failure(call('p'))).toBe(said);
    // What a plugin has seen is never sent again.
    expect(plugin.methods.filter((method) => method === 'NetworkDriver.CreateNetwork').length).toBeLessThan(
      2,
    );
  });

  test('that gets null or members it does not know is fine', async () => {
    await place.serve(
      { 'Plugin.Activate': activate, 'NetworkDriver.CreateNetwork': { text: 'null\n' } },
      place.socket('p'),
    );
    expect(await call('p')).toEqual({});
    await place.serve({ 'Plugin.Activate': { json: { ...activate.json, More: 1 } } }, place.socket('q'));
    expect(await call('q')).toEqual({});
  });

  test('is tried again until the plugin listens, and only so often', async () => {
    const dead = await place.serve({ 'Plugin.Activate': activate }, place.socket('p'));
    const p = new Plugins(place.directories, { ...patience, pauses: [100, 100, 100, 100] }).named('p');
    await p.call('NetworkDriver', 'Leave', {}, anything);
    await dead.close();
    await leaveSocketFile(place.socket('p'));
    const late = p.call('NetworkDriver', 'Leave', {}, anything);
    await rm(place.socket('p'));
    const again = await place.serve({ 'Plugin.Activate': activate }, place.socket('p'));
    await late;
    expect(again.methods).toEqual(['NetworkDriver.Leave']);
    await again.close();
    await leaveSocketFile(place.socket('p'));
    const started = performance.now();
    expect(await failure(p.call('NetworkDriver', 'Leave', {}, anything))).toBe(
      `unavailable: plugin "p" cannot be reached at ${place.socket('p')}: connection refused (NetworkDriver.Leave)`,
    );
    expect(performance.now() - started).toBeGreaterThan(390);
    // Known to be dead: the next call waits for nothing.
    const next = performance.now();
    expect(await failure(p.call('NetworkDriver', 'DeleteEndpoint', {}, anything))).toContain(
      'connection refused',
    );
    expect(performance.now() - next).toBeLessThan(300);
    expect(p.state()).toMatchObject({ state: 'unreachable', reason: 'connection refused' });
  });

  test('after a restart at another place goes there, and the plugin is activated again', async () => {
    const first = await place.serve({ 'Plugin.Activate': activate }, place.socket('p'));
    const p = new Plugins(place.directories, { ...patience, pauses: [] }).named('p');
    await p.call('NetworkDriver', 'Leave', {}, anything);
    const life = await p.life();
    await first.close();
    expect(await failure(p.call('NetworkDriver', 'Leave', {}, anything))).toContain('its socket is gone');
    expect(await p.life()).toBeUndefined();
    const second = await place.serve({ 'Plugin.Activate': activate }, 0);
    await writeFile(join(place.root, 'etc', 'p.spec'), `tcp://127.0.0.1:${second.port}`);
    await p.call('NetworkDriver', 'Leave', {}, anything);
    expect(second.methods).toEqual(['Plugin.Activate', 'NetworkDriver.Leave']);
    expect(await p.life()).not.toBe(life);
  });
});

describe('the list of plugins', () => {
  test('has what lies there and what was used, without calling anybody', async () => {
    const plugins = new Plugins(place.directories, patience);
    const used = await place.serve({ 'Plugin.Activate': activate }, place.socket('used'));
    const idle = await place.serve({}, place.socket('idle'));
    await plugins.named('used').require('NetworkDriver');
    expect(await failure(plugins.named('nope').require('NetworkDriver'))).toBe(
      'not-found: plugin "nope" not found',
    );
    expect(plugins.states()).toEqual([
      { name: 'idle', implements: [], state: 'found' },
      { name: 'used', address: place.socket('used'), implements: ['NetworkDriver'], state: 'active' },
    ]);
    await used.close();
    expect(plugins.states()[1]).toEqual({
      name: 'used',
      implements: ['NetworkDriver'],
      state: 'missing',
      reason: 'no socket, .spec or .json file of it is there',
    });
    expect(idle.calls).toEqual([]);
  });

  test('tells one life of a plugin from the next', async () => {
    const client = new PluginClient('p', { kind: 'unix', path: place.socket('p') }, patience);
    expect(await client.life()).toBeUndefined();
    const first = await place.serve({}, place.socket('p'));
    const life = await client.life();
    expect(await client.life()).toBe(life);
    await first.close();
    await place.serve({}, place.socket('p'));
    expect(await client.life()).not.toBe(life);
  });
});

/** As after `kill -9` of a plugin: the file is there, and nobody listens. */
async function leaveSocketFile(path: string): Promise<void> {
  const { spawnSync } = await import('node:child_process');
  await rm(path, { force: true });
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script], { timeout: 10_000 });
  await new Promise<void>((resolve) => {
    const socket = net.connect(path);
    socket.once('error', () => resolve());
  });
}
