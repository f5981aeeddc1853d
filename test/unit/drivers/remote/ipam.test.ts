import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Plugins } from '../../../../drivers/remote/plugins.ts';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import { kindOf, messageOf } from '../../../../src/lib/errors.ts';
import { newId } from '../../../../src/lib/ids.ts';
import { createTestModel } from '../../../rig/model.ts';
import { type PluginAnswers, PluginPlace, type RunningPlugin } from '../../../rig/plugin-server.ts';

const patience = { pauses: [10], limit: 300, shortLimit: 100 };

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

interface PoolBody {
  readonly Pool: string;
  readonly Address: string;
}

/** An IPAM plugin `ip` that counts up, but for what is given. */
function serve(answers: PluginAnswers = {}): Promise<RunningPlugin> {
  let last = 1;
  return place.serve(
    {
      'Plugin.Activate': { json: { Implements: ['IpamDriver'] } },
      'IpamDriver.GetDefaultAddressSpaces': {
        json: { LocalDefaultAddressSpace: 'l', GlobalDefaultAddressSpace: 'g' },
      },
      'IpamDriver.RequestPool': (body) => {
        const { Pool } = body as PoolBody;
        return { json: { PoolID: `pool ${Pool || '10.8.0.0/24'}`, Pool: Pool || '10.8.0.0/24', Data: {} } };
      },
      'IpamDriver.RequestAddress': (body) => {
        const { Address } = body as PoolBody;
        last += 1;
        return { json: { Address: `${Address || `10.8.0.${last}`}/24` } };
      },
      ...answers,
    },
    place.socket('ip'),
  );
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'no failure',
    (error: unknown) => `${kindOf(error)}: ${messageOf(error)}`,
  );
}

const createNetwork = (config: object[] = [], more: object = {}) =>
  model.networks.create({ name: 'foo', driver: 'bridge', ipam: { driver: 'ip', config, ...more } });
const run = async (name: string, mac?: string) => {
  const endpoints = { foo: mac ? { mac } : {} };
  const { id } = await model.containers.create({ name, image: 'x', networkMode: 'foo', endpoints });
  await model.containers.start(id);
  return id;
};
const said = (plugin: RunningPlugin, from = 0) =>
  plugin.calls.slice(from).map(({ method, body }) => [method.replace('IpamDriver.', ''), body]);

describe('an IPAM plugin', () => {
  test('is asked for the pool, the gateway, auxiliary addresses and endpoints, and given all back', async () => {
    const plugin = await serve();
    const config = [
      {
        subnet: '10.8.0.0/24',
        ipRange: '10.8.0.128/25',
        gateway: '10.8.0.1',
        auxAddresses: { h: '10.8.0.9' },
      },
    ];
    const network = await createNetwork(config, { options: { io: '1' } });
    const PoolID = 'pool 10.8.0.0/24';
    expect(said(plugin)).toEqual([
      ['Plugin.Activate', undefined],
      ['GetCapabilities', undefined],
      ['GetDefaultAddressSpaces', undefined],
      [
        'RequestPool',
        { AddressSpace: 'l', Pool: '10.8.0.0/24', SubPool: '10.8.0.128/25', Options: { io: '1' }, V6: false },
      ],
      [
        'RequestAddress',
        { PoolID, Address: '10.8.0.1', Options: { RequestAddressType: 'com.docker.network.gateway' } },
      ],
      ['RequestAddress', { PoolID, Address: '10.8.0.9', Options: null }],
    ]);
    expect(network.ipam).toMatchObject({ driver: 'ip', addressSpace: 'l', pools: [{ gateway: '10.8.0.1' }] });
    const joining = plugin.calls.length;
    const id = await run('c1');
    const address = model.containers.find(id).attachments[0]?.endpoint?.ipv4;
    expect(address).toBe('10.8.0.4/24');
    await model.services.publish('db.foo');
    await model.services.unpublish((await model.services.find('db.foo')).service.id);
    await model.containers.remove(id, { force: true });
    await model.networks.remove('foo');
    expect(said(plugin, joining)).toEqual([
      ['RequestAddress', { PoolID, Address: '', Options: {} }],
      ['RequestAddress', { PoolID, Address: '', Options: {} }],
      ['ReleaseAddress', { PoolID, Address: '10.8.0.5' }],
      ['ReleaseAddress', { PoolID, Address: '10.8.0.4' }],
      ['ReleaseAddress', { PoolID, Address: '10.8.0.1' }],
      ['ReleaseAddress', { PoolID, Address: '10.8.0.9' }],
      ['ReleasePool', { PoolID }],
    ]);
  });

  test('chooses the pool and the gateway where nobody asked for them', async () => {
    const Data = { 'com.docker.network.gateway': '10.8.0.254/24' };
    const plugin = await serve({
      'IpamDriver.RequestPool': { json: { PoolID: 'p', Pool: '10.8.0.0/24', Data } },
    });
    const network = await createNetwork();
    expect(network.ipam.pools).toMatchObject([{ subnet: '10.8.0.0/24', gateway: '10.8.0.254' }]);
    await model.networks.remove('foo');
    expect(
      said(plugin)
        .slice(3)
        .map(([method]) => method),
    ).toEqual(['RequestPool', 'ReleasePool']);
  });

  test('is asked by a network, and not by its configuration', async () => {
    const plugin = await serve();
    const ipam = { driver: 'ip', config: [{ subnet: '10.8.0.0/24' }] };
    await model.networks.create({ name: 'conf', configOnly: true, ipam });
    expect(plugin.calls).toEqual([]);
    const network = await model.networks.create({ name: 'foo', configFrom: 'conf' });
    expect(network.ipam).toMatchObject({ driver: 'ip', pools: [{ subnet: '10.8.0.0/24' }] });
  });

  test('that needs the MAC is told it, and the interface has it', async () => {
    const plugin = await serve({ 'IpamDriver.GetCapabilities': { json: { RequiresMACAddress: true } } });
    await createNetwork();
    await run('c1', '02:42:00:00:00:77');
    const label = 'com.docker.network.endpoint.macaddress';
    expect(plugin.calls.at(-1)?.body).toMatchObject({ Options: { [label]: '02:42:00:00:00:77' } });
    const mac = model.containers.find(await run('c2')).attachments[0]?.endpoint?.mac;
    expect(plugin.calls.at(-1)?.body).toMatchObject({ Options: { [label]: mac } });
  });

  test.each<[string, PluginAnswers, string]>([
    ['refuses the pool', { 'IpamDriver.RequestPool': { json: { Error: 'no' } } }, 'internal: remote: no'],
    [
      'gives another pool',
      { 'IpamDriver.RequestPool': { json: { PoolID: 'p', Pool: '10.7.0.0/24' } } },
      'internal: IPAM plugin "ip" gave pool 10.7.0.0/24 where 10.8.0.0/24 was asked for',
    ],
    [
      'gives no pool',
      { 'IpamDriver.RequestPool': { json: { PoolID: 'p', Pool: 'zz' } } },
      'internal: invalid CIDR address: zz',
    ],
    [
      'gives no gateway',
      { 'IpamDriver.RequestAddress': { json: {} } },
      'internal: failed to allocate gateway (): No address returned',
    ],
    [
      'gives a gateway without a mask',
      { 'IpamDriver.RequestAddress': { json: { Address: '1.2.3.4' } } },
      'internal: invalid CIDR address: 1.2.3.4',
    ],
    [
      'has no address spaces',
      { 'IpamDriver.GetDefaultAddressSpaces': { json: { Error: 'no' } } },
      'internal: invalid ipam driver: "ip": remote: no',
    ],
    [
      'hangs',
      { 'IpamDriver.RequestPool': 'hang' },
      'unavailable: plugin "ip" did not answer IpamDriver.RequestPool: no answer within 0.3 s',
    ],
    [
      'is of another kind',
      { 'Plugin.Activate': { json: { Implements: ['NetworkDriver'] } } },
      'internal: legacy plugin: Plugin does not implement the requested driver: "ip" implements NetworkDriver, not IpamDriver',
    ],
  ])('that %s makes no network', async (_what, answers, words) => {
    const plugin = await serve(answers);
    expect(await failure(createNetwork([{ subnet: '10.8.0.0/24' }]))).toBe(words);
    expect(model.networks.list().map(({ name }) => name)).not.toContain('foo');
    const count = (method: string) => plugin.methods.filter((one) => one === `IpamDriver.${method}`).length;
    if (count('RequestAddress') > 0) expect(count('ReleasePool')).toBe(1);
  });

  test('is given everything back when the network cannot be created', async () => {
    const plugin = await serve();
    await model.networks.create({ name: 'old', ipam: { config: [{ subnet: '10.8.0.0/16' }] } });
    expect(await failure(createNetwork())).toContain(
      'forbidden: Pool overlaps with other one on this address space',
    );
    expect(
      said(plugin)
        .slice(-2)
        .map(([method]) => method),
    ).toEqual(['ReleaseAddress', 'ReleasePool']);
    expect(await failure(model.networks.create({ name: 'x', ipam: { driver: 'nope' } }))).toBe(
      'not-found: plugin "nope" not found',
    );
  });

  test.each<[string, string, string]>([
    ['refuses', '{"Error":"full"}', 'remote: full'],
    ['gives nothing', '{}', 'failed to allocate address (): No address returned'],
    [
      'gives an address of elsewhere',
      '{"Address":"9.9.9.9/24"}',
      'IPAM plugin "ip" gave 9.9.9.9/24 where an address of 10.8.0.0/24 was asked for',
    ],
    [
      'gives the gateway',
      '{"Address":"10.8.0.2/24"}',
      'IPAM plugin "ip" gave 10.8.0.2, which is in use on network foo',
    ],
    [
      'gives what another has',
      '{"Address":"10.8.0.3/24"}',
      'IPAM plugin "ip" gave 10.8.0.3, which is in use on network foo',
    ],
  ])('that %s keeps a container from starting', async (_what, text, words) => {
    const plugin = await serve();
    const network = await createNetwork();
    await run('c1');
    plugin.answers['IpamDriver.RequestAddress'] = { text };
    expect(await failure(run('c2'))).toContain(words);
    expect((await model.networks.endpoints(network.id)).map(({ name }) => name)).toEqual(['c1']);
    expect((await model.dataplane.owned()).sandboxes.length).toBe(1);
  });

  test('that is dead holds neither containers nor networks', async () => {
    const plugin = await serve();
    await createNetwork();
    const id = await run('c1');
    await plugin.close();
    await model.containers.remove(id, { force: true });
    await model.networks.remove('foo');
    expect(model.networks.list().map(({ name }) => name)).not.toContain('foo');
  });

  test('that forgets is told again after a restart of the daemon, and after its own', async () => {
    const plugins = () => new Plugins(place.directories, patience);
    const life = { nodeId: newId(), store: new MemoryStore() };
    const forgetful = { 'IpamDriver.GetCapabilities': { json: { RequiresRequestReplay: true } } };
    const first = await serve(forgetful);
    const before = await createTestModel({ ...life, plugins: plugins() });
    await before.networks.create({ name: 'foo', ipam: { driver: 'ip' } });
    await before.services.publish('db.foo');
    await before.reconcile();
    const asked = first.calls.length;
    await before.crash();
    await using after = await createTestModel({ ...life, plugins: plugins() });
    const PoolID = 'pool 10.8.0.0/24';
    const again = [
      ['RequestPool', { AddressSpace: 'l', Pool: '10.8.0.0/24', SubPool: '', Options: {}, V6: false }],
      [
        'RequestAddress',
        { PoolID, Address: '10.8.0.2', Options: { RequestAddressType: 'com.docker.network.gateway' } },
      ],
      ['RequestAddress', { PoolID, Address: '10.8.0.3', Options: {} }],
    ];
    expect(said(first, asked + 3)).toEqual(again);
    await first.close();
    const second = await serve(forgetful);
    await after.reconcile();
    await after.reconcile();
    expect(said(second).slice(-3)).toEqual(again);
    await life.store.close();
  });
});
