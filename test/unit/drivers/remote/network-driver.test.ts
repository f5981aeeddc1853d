import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Plugins } from '../../../../drivers/remote/plugins.ts';
import { kindOf, messageOf } from '../../../../src/lib/errors.ts';
import { createTestModel } from '../../../rig/model.ts';
import { type PluginAnswers, PluginPlace, type RunningPlugin } from '../../../rig/plugin-server.ts';

const patience = { pauses: [10, 20], limit: 300, shortLimit: 100 };

let place: PluginPlace;
let model: Awaited<ReturnType<typeof createTestModel>>;
beforeEach(async () => {
  place = await PluginPlace.create();
  model = await createTestModel({ plugins: new Plugins(place.directories, patience) });
});
afterEach(async () => {
  await model[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

/** A plugin `p` that answers as a good one, but for what is given. */
function serve(answers: PluginAnswers = {}, name = 'p'): Promise<RunningPlugin> {
  return place.serve(
    {
      'Plugin.Activate': { json: { Implements: ['NetworkDriver'] } },
      'NetworkDriver.GetCapabilities': { json: { Scope: 'local' } },
      'NetworkDriver.Join': {
        json: { InterfaceName: { SrcName: 'veth1', DstPrefix: 'eth' }, Gateway: '10.9.0.1' },
      },
      ...answers,
    },
    place.socket(name),
  );
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'no failure',
    (error: unknown) => `${kindOf(error)}: ${messageOf(error)}`,
  );
}

const createNetwork = (driver = 'p', more: object = {}) =>
  model.networks.create({ name: 'foo', driver, ipam: { config: [{ subnet: '10.9.0.0/24' }] }, ...more });
const createContainer = async (name: string) => {
  const { id } = await model.containers.create({ name, image: 'x', networkMode: 'foo' });
  return id;
};
const netNames = () => model.networks.list().map(({ name }) => name);
const said = (plugin: RunningPlugin) => plugin.methods.map((method) => method.replace('NetworkDriver.', ''));

describe('a network of a plugin', () => {
  test('is made, joined, left and removed with the calls of an Engine', async () => {
    const plugin = await serve();
    const network = await createNetwork('p', { internal: false, options: { a: 'b' } });
    expect(plugin.calls[2]).toMatchObject({
      method: 'NetworkDriver.CreateNetwork',
      body: {
        NetworkID: network.id,
        Options: { 'com.docker.network.enable_ipv6': false, 'com.docker.network.generic': { a: 'b' } },
        IPv4Data: [
          { AddressSpace: 'LocalDefault', Pool: '10.9.0.0/24', Gateway: '10.9.0.1/24', AuxAddresses: {} },
        ],
        IPv6Data: [],
      },
    });
    const id = await createContainer('c1');
    await model.containers.start(id);
    const [attachment] = model.containers.find(id).attachments;
    expect(attachment?.interface).toMatchObject({
      name: 'eth0',
      source: { kind: 'existing', hostName: 'veth1' },
      gateway: '10.9.0.1',
    });
    expect(attachment?.endpoint?.ipv4).toBe('10.9.0.2/24');
    expect(attachment?.endpoint?.mac).toBeUndefined();
    await model.reconcile();
    await model.containers.stop(id);
    await model.networks.remove('foo');
    expect(said(plugin)).toEqual([
      'Plugin.Activate',
      'GetCapabilities',
      'CreateNetwork',
      'CreateEndpoint',
      'Join',
      'ProgramExternalConnectivity',
      'EndpointOperInfo',
      'RevokeExternalConnectivity',
      'Leave',
      'DeleteEndpoint',
      'DeleteNetwork',
    ]);
  });

  test('that chooses a MAC and an interface name has them in the records', async () => {
    await serve({
      'NetworkDriver.CreateEndpoint': { json: { Interface: { MacAddress: 'EE:EE:EE:EE:EE:EE' } } },
      'NetworkDriver.Join': {
        json: {
          InterfaceName: { SrcName: 'veth1', DstName: 'cali0' },
          StaticRoutes: [
            { Destination: '169.254.1.1/32', RouteType: 1 },
            { Destination: '10.0.0.0/8', RouteType: 0, NextHop: '169.254.1.1' },
          ],
        },
      },
    });
    const network = await createNetwork();
    const id = await createContainer('c1');
    await model.containers.start(id);
    const routes = [{ destination: '169.254.1.1/32' }, { destination: '10.0.0.0/8', nextHop: '169.254.1.1' }];
    expect(model.containers.find(id).attachments[0]).toMatchObject({
      interface: { name: 'cali0', routes },
      endpoint: { mac: 'ee:ee:ee:ee:ee:ee' },
    });
    expect((await model.networks.endpoints(network.id))[0]?.mac).toBe('ee:ee:ee:ee:ee:ee');
  });

  test('that has a socket of another life is told again, and may say that it knows', async () => {
    const first = await serve();
    await createNetwork();
    await first.close();
    const exists = { 'NetworkDriver.CreateNetwork': { json: { Err: 'network already exists' } } };
    const second = await serve(exists);
    await model.reconcile();
    await model.reconcile();
    expect(said(second)).toEqual(['CreateNetwork']);
  });

  test.each<[string, PluginAnswers, string]>([
    [
      'refuses',
      { 'NetworkDriver.CreateNetwork': { json: { Err: 'no' } } },
      'internal: set up network foo: p: remote: no',
    ],
    [
      'says that a new network exists',
      { 'NetworkDriver.CreateNetwork': { json: { Err: 'pool exists' } } },
      'internal: set up network foo: p: remote: pool exists',
    ],
    [
      'hangs',
      { 'NetworkDriver.CreateNetwork': 'hang' },
      'unavailable: set up network foo: p: plugin "p" did not answer NetworkDriver.CreateNetwork: no answer within 0.3 s',
    ],
    [
      'dies',
      { 'NetworkDriver.CreateNetwork': 'drop' },
      'unavailable: set up network foo: p: plugin "p" did not answer NetworkDriver.CreateNetwork: it closed the connection without an answer',
    ],
    [
      'has a scope that is none',
      { 'NetworkDriver.GetCapabilities': { json: { Scope: 'cluster' } } },
      'internal: could not resolve driver p in registry: it says that its scope is "cluster", expected local or global',
    ],
    [
      'has no capabilities',
      { 'NetworkDriver.GetCapabilities': { status: 404, text: '404' } },
      'internal: could not resolve driver p in registry: NetworkDriver.GetCapabilities: 404',
    ],
    [
      'is of another kind',
      { 'Plugin.Activate': { json: { Implements: ['IpamDriver'] } } },
      'internal: legacy plugin: Plugin does not implement the requested driver: "p" implements IpamDriver, not NetworkDriver',
    ],
  ])('is not created when the plugin %s', async (_what, answers, words) => {
    await serve(answers);
    const before = netNames();
    expect(await failure(createNetwork())).toBe(words);
    expect(netNames()).toEqual(before);
    expect(await failure(createNetwork('bridge'))).toBe('no failure');
  });

  test('is not created without a plugin, at once, or in a scope that is not its own', async () => {
    const started = performance.now();
    expect(await failure(createNetwork('nope'))).toBe('not-found: plugin "nope" not found');
    expect(await failure(createNetwork('../p'))).toBe('not-found: plugin "../p" not found');
    expect(performance.now() - started).toBeLessThan(200);
    await serve();
    expect(await failure(createNetwork('p', { scope: 'global' }))).toBe(
      'forbidden: scope global is not possible with driver p, whose networks are local',
    );
  });

  test.each<[string, PluginAnswers, string, string[]]>([
    [
      'CreateEndpoint is refused',
      { 'NetworkDriver.CreateEndpoint': { json: { Err: 'no' } } },
      'remote: no',
      [],
    ],
    [
      'CreateEndpoint hangs',
      { 'NetworkDriver.CreateEndpoint': 'hang' },
      'plugin "p" did not answer NetworkDriver.CreateEndpoint: no answer within 0.3 s',
      ['DeleteEndpoint'],
    ],
    [
      'the address is changed',
      { 'NetworkDriver.CreateEndpoint': { json: { Interface: { Address: '10.9.0.7/24' } } } },
      'driver modified interface address: endpoint interface IP present (10.9.0.2/24). Cannot be modified with (10.9.0.7/24).; rolled back',
      ['DeleteEndpoint'],
    ],
    ['Join is refused', { 'NetworkDriver.Join': { json: { Err: 'no' } } }, 'remote: no', ['DeleteEndpoint']],
    [
      'the gateway is none',
      { 'NetworkDriver.Join': { json: { Gateway: 'zz' } } },
      'unable to parse Gateway "zz"',
      ['Leave', 'DeleteEndpoint'],
    ],
    [
      'a route is none',
      { 'NetworkDriver.Join': { json: { StaticRoutes: [{ Destination: 'zz', RouteType: 1 }] } } },
      'invalid CIDR address: zz',
      ['Leave', 'DeleteEndpoint'],
    ],
    [
      'a next hop is none',
      { 'NetworkDriver.Join': { json: { StaticRoutes: [{ Destination: '10.0.0.0/8', NextHop: 'X' }] } } },
      'failed to parse nexthop IP X',
      ['Leave', 'DeleteEndpoint'],
    ],
    [
      'the interface is none',
      { 'NetworkDriver.Join': { json: { InterfaceName: { SrcName: 'a b; rm' } } } },
      '"a b; rm" is no interface name',
      ['Leave', 'DeleteEndpoint'],
    ],
    [
      'Join answers wrongly',
      { 'NetworkDriver.Join': { json: { InterfaceName: 'veth1' } } },
      'plugin "p" answered NetworkDriver.Join wrongly: InterfaceName: Invalid input: expected object, received string: {"InterfaceName":"veth1"}',
      ['Leave', 'DeleteEndpoint'],
    ],
    [
      'ports cannot be published',
      { 'NetworkDriver.ProgramExternalConnectivity': { json: { Err: 'nopx' } } },
      'remote: nopx',
      ['Leave', 'DeleteEndpoint'],
    ],
  ])('is not joined when %s, and everything is taken back', async (_what, answers, words, undone) => {
    const plugin = await serve(answers);
    const network = await createNetwork();
    const id = await createContainer('c1');
    const message = await failure(model.containers.start(id));
    expect(message).toContain('Cannot start container c1: attach c1 to network foo: ');
    expect(message).toContain(words);
    expect(message).not.toContain('\n');
    const after = said(plugin).slice(said(plugin).indexOf('CreateEndpoint') + 1);
    const undoing = ['Leave', 'DeleteEndpoint', 'RevokeExternalConnectivity'];
    expect(after.filter((method) => undoing.includes(method))).toEqual(undone);
    expect(await model.networks.endpoints(network.id)).toEqual([]);
    expect(model.containers.find(id).state.status).not.toBe('running');
    expect((await model.dataplane.owned()).sandboxes).toEqual([]);
  });

  test.each(['RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint', 'DeleteNetwork'])(
    'goes although the plugin refuses %s',
    async (method) => {
      await serve({ [`NetworkDriver.${method}`]: { json: { Err: 'never' } } });
      await createNetwork();
      const id = await createContainer('c1');
      await model.containers.start(id);
      await model.containers.remove(id, { force: true });
      await model.networks.remove('foo');
      expect(netNames()).not.toContain('foo');
    },
  );

  test('goes although the plugin is dead, and the containers on it stop', async () => {
    const plugin = await serve();
    await createNetwork();
    const id = await createContainer('c1');
    await model.containers.start(id);
    await plugin.close();
    await model.reconcile();
    expect(model.containers.find(id).state.status).toBe('running');
    expect(await failure(model.containers.start(await createContainer('c2')))).toContain(
      'attach c2 to network foo: plugin "p" not found',
    );
    await model.containers.remove(id, { force: true });
    await model.networks.remove('foo');
    expect(netNames()).not.toContain('foo');
  });

  test('does without the calls that older plugins do not know', async () => {
    const unknown = { status: 404, text: 'page not found' };
    await serve({
      'NetworkDriver.ProgramExternalConnectivity': unknown,
      'NetworkDriver.RevokeExternalConnectivity': unknown,
      'NetworkDriver.EndpointOperInfo': unknown,
    });
    await createNetwork();
    const id = await createContainer('c1');
    await model.containers.start(id);
    expect(model.containers.find(id).state.status).toBe('running');
  });

  test('whose daemon died between plugin and record is cleaned at the plugin', async () => {
    const plugin = await serve();
    const network = await createNetwork();
    const id = await createContainer('c1');
    await model.containers.start(id);
    const [endpoint] = await model.networks.endpoints(network.id);
    // As a crash leaves it: an endpoint in the store that no container's record claims.
    await model.containers.runtime.update(id, { attachments: [] });
    await model.reconcile();
    expect(plugin.calls.at(-1)).toMatchObject({
      method: 'NetworkDriver.DeleteEndpoint',
      body: { NetworkID: network.id, EndpointID: endpoint?.id },
    });
  });
});
