import { describe, expect, it } from 'vitest';
import { createPluginServer } from '../../../../src/api/plugin/server.ts';
import { FairleadError } from '../../../../src/lib/errors.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import type { EnginePlugin } from '../../../../src/network/plugin/plugin.ts';

const calls: unknown[][] = [];
const record =
  <T>(name: string, answer: T) =>
  async (...args: unknown[]): Promise<T> => {
    calls.push([name, ...args]);
    return answer;
  };

const plugin: EnginePlugin = {
  activated: () => void calls.push(['activated']),
  createNetwork: record('createNetwork', undefined),
  deleteNetwork: async () => {
    throw new FairleadError('conflict', 'not now');
  },
  createEndpoint: record('createEndpoint', '02:42:0a:00:00:02'),
  join: record('join', {
    interfaceName: 'fl3a07yec56fd74',
    namePrefix: 'eth',
    gateway: '10.0.0.1',
    routes: [{ destination: '169.254.53.53/32', nextHop: '10.0.0.1' }, { destination: '10.9.0.0/16' }],
  }),
  deleteEndpoint: () => new Promise(() => {}),
  requestPool: record('requestPool', { poolId: 'p', subnet: '10.0.0.0/24' }),
  releasePool: record('releasePool', undefined),
  requestAddress: record('requestAddress', '10.0.0.2/24'),
  releaseAddress: async () => {
    throw new FairleadError('unavailable', 'kv store etcd:x is unreachable');
  },
};

const { app } = createPluginServer({ plugin, log: silentLogger, timeoutMs: 50 });
const [network, endpoint] = ['a'.repeat(64), 'b'.repeat(64)];

/** As an Engine asks: without a content type. */
async function ask(method: string, body?: unknown): Promise<unknown> {
  calls.splice(0);
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const reply = await app.inject({ method: 'POST', url: `/${method}`, ...(payload ? { payload } : {}) });
  expect([reply.statusCode, reply.headers['content-type']]).toEqual([
    200,
    'application/vnd.docker.plugins.v1.2+json',
  ]);
  return reply.json();
}

describe('what an Engine gets from its plugin', () => {
  it('says what it is', async () => {
    expect(await ask('Plugin.Activate')).toEqual({ Implements: ['NetworkDriver', 'IpamDriver'] });
    expect(calls).toEqual([['activated']]);
    expect(await ask('NetworkDriver.GetCapabilities')).toEqual({
      Scope: 'local',
      ConnectivityScope: 'global',
    });
    expect(await ask('IpamDriver.GetCapabilities')).toEqual({
      RequiresMACAddress: false,
      RequiresRequestReplay: false,
    });
    expect(await ask('IpamDriver.GetDefaultAddressSpaces')).toEqual({
      LocalDefaultAddressSpace: 'FairleadLocal',
      GlobalDefaultAddressSpace: 'FairleadGlobal',
    });
  });

  it('reads a network as Engines write it', async () => {
    const body = {
      NetworkID: network,
      Options: {
        'com.docker.network.enable_ipv6': false,
        'com.docker.network.generic': { 'com.fairlead.network': 'c', mtu: 1 },
      },
      IPv4Data: [{ AddressSpace: 'x', Pool: '10.0.0.0/24', Gateway: '10.0.0.1/24' }],
      IPv6Data: null,
    };
    expect(await ask('NetworkDriver.CreateNetwork', body)).toEqual({});
    const options = { 'com.fairlead.network': 'c' };
    expect(calls).toEqual([
      ['createNetwork', { engineNetworkId: network, options, subnets: ['10.0.0.0/24'] }],
    ]);
  });

  it('gives a MAC only where the Engine sent none', async () => {
    const body = { NetworkID: network, EndpointID: endpoint, Interface: { Address: '10.0.0.2/24' } };
    expect(await ask('NetworkDriver.CreateEndpoint', body)).toEqual({
      Interface: { MacAddress: '02:42:0a:00:00:02' },
    });
    const sent = { ...body, Interface: { ...body.Interface, MacAddress: '02:AA:00:00:00:01' } };
    expect(await ask('NetworkDriver.CreateEndpoint', sent)).toEqual({ Interface: {} });
    const asked = { engineEndpointId: endpoint, ipv4: '10.0.0.2/24', ipv6: '', mac: '02:aa:00:00:00:01' };
    expect(calls).toEqual([['createEndpoint', network, asked]]);
  });

  it('tells of ports that are published, and answers a join in full', async () => {
    const body = {
      NetworkID: network,
      EndpointID: endpoint,
      SandboxKey: '/var/run/docker/netns/1',
      Options: {},
    };
    expect(await ask('NetworkDriver.Join', body)).toEqual({
      InterfaceName: { SrcName: 'fl3a07yec56fd74', DstPrefix: 'eth' },
      Gateway: '10.0.0.1',
      GatewayIPv6: '',
      StaticRoutes: [
        { Destination: '169.254.53.53/32', RouteType: 0, NextHop: '10.0.0.1' },
        { Destination: '10.9.0.0/16', RouteType: 1, NextHop: '' },
      ],
    });
    const asked = { engineEndpointId: endpoint, sandboxKey: body.SandboxKey, publishes: false };
    expect(calls).toEqual([['join', network, asked]]);
    await ask('NetworkDriver.Join', { ...body, Options: { 'com.docker.network.portmap': [{ Port: 80 }] } });
    expect(calls).toEqual([['join', network, { ...asked, publishes: true }]]);
  });

  it('tells a gateway from an endpoint by the type of its address', async () => {
    const body = { PoolID: 'p', Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } };
    expect(await ask('IpamDriver.RequestAddress', body)).toEqual({ Address: '10.0.0.2/24', Data: {} });
    expect(calls).toEqual([['requestAddress', 'p', '', 'gateway']]);
    await ask('IpamDriver.RequestAddress', { PoolID: 'p', Address: '10.0.0.7', Options: null });
    expect(calls).toEqual([['requestAddress', 'p', '10.0.0.7', 'endpoint']]);
  });

  it('fails with status 200 and Err, or Error for addresses, in one line', async () => {
    expect(await ask('NetworkDriver.DeleteNetwork', { NetworkID: network })).toEqual({ Err: 'not now' });
    expect(await ask('IpamDriver.ReleaseAddress', { PoolID: 'p', Address: '10.0.0.2' })).toEqual({
      Error: 'kv store etcd:x is unreachable',
    });
    expect(await ask('NetworkDriver.DeleteNetwork', { NetworkID: 7 })).toEqual({
      Err: expect.stringMatching(/^NetworkDriver.DeleteNetwork: NetworkID: /),
    });
    expect(await ask('NetworkDriver.DeleteNetwork', { NetworkID: '../x' })).toEqual({
      Err: 'NetworkDriver.DeleteNetwork: NetworkID: expected an id',
    });
  });

  it('answers in time whatever happens: the Engine holds its locks meanwhile', async () => {
    expect(await ask('NetworkDriver.DeleteEndpoint', { NetworkID: network, EndpointID: endpoint })).toEqual({
      Err: expect.stringMatching(/^NetworkDriver.DeleteEndpoint: no result within 0.05 s/),
    });
  });

  it('refuses what is no call of the protocol', async () => {
    expect((await app.inject({ method: 'POST', url: '/NetworkDriver.Nonsense' })).statusCode).toBe(404);
    const garbled = await app.inject({ method: 'POST', url: '/NetworkDriver.Join', payload: '{' });
    expect([garbled.statusCode, Object.keys(garbled.json())]).toEqual([200, ['Err']]);
  });
});
