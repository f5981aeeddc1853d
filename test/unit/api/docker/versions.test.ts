import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createTestApi } from '../../../rig/api.ts';

type TestApi = Awaited<ReturnType<typeof createTestApi>>;
const object = z.record(z.string(), z.unknown());

async function get(api: TestApi, url: string): Promise<Record<string, unknown>> {
  return object.parse((await api.call('GET', url)).json());
}

async function create(api: TestApi, name: string, body: object = {}, version = '') {
  const url = `${version}/containers/create?name=${name}`;
  const answer = await api.call('POST', url, { Image: 'busybox', Cmd: ['sleep', '9'], ...body });
  return { status: answer.status, message: object.parse(answer.json()).message };
}

async function run(api: TestApi, name: string, body: object = {}): Promise<number> {
  expect((await create(api, name, body)).status).toBe(201);
  return (await api.call('POST', `/containers/${name}/start`)).status;
}

/** What API 1.49 to 1.52 changed, as the Engine's own version history and Engine 28.5.2 have it. */
describe('what depends on the version', () => {
  it('counts the addresses of a network from 1.52 on', async () => {
    await using api = await createTestApi();
    const pool = { Subnet: '10.9.0.0/24', IPRange: '10.9.0.128/25', AuxiliaryAddresses: { a: '10.9.0.5' } };
    const IPAM = { Config: [pool, { Subnet: 'fd00:9::/48' }] };
    await api.call('POST', '/networks/create', { Name: 'n', EnableIPv6: true, IPAM });
    await run(api, 'c1', { HostConfig: { NetworkMode: 'n' } });
    expect(await get(api, '/v1.51/networks/n')).not.toHaveProperty('Status');
    // Network, broadcast, gateway, one aside and one taken; an IPv6 subnet has more than can be told.
    expect((await api.call('GET', '/v1.52/networks/n')).text.split('"Labels":{},')[1]).toBe(
      '"Status":{"IPAM":{"Subnets":{"10.9.0.0/24":{"IPsInUse":5,"DynamicIPsAvailable":126},' +
        '"fd00:9::/48":{"IPsInUse":3,"DynamicIPsAvailable":18446744073709551615}}}}}\n',
    );
  });

  it('tells of events in the form that the client accepts', async () => {
    await using api = await createTestApi();
    await create(api, 'c1');
    const events = async (version: string, accept = '*/*') => {
      const only = encodeURIComponent(JSON.stringify({ type: ['container'] }));
      const url = `/v${version}/events?since=0&until=${Date.now() / 1000 + 0.01}&filters=${only}`;
      const { headers, body } = await api.api.app.inject({ url, headers: { accept } });
      return { type: headers['content-type'], first: body.split('\n')[0] ?? '' };
    };
    expect(await events('1.51')).toMatchObject({
      type: 'application/json',
      first: expect.stringContaining('"status":"create"'),
    });
    const today = await events('1.52');
    expect(today.type).toBe('application/jsonl');
    expect(today.first).not.toContain('"status"');
    expect((await events('1.51', 'application/x-ndjson, */*;q=0.1')).type).toBe('application/x-ndjson');
    expect((await events('1.52', 'application/json-seq')).first.charCodeAt(0)).toBe(0x1e);
  });

  it('answers errors before 1.24 as plain text', async () => {
    await using api = await createTestApi();
    for (const path of ['containers/nope/json', 'networks/nope', 'nope', 'images/nope/json']) {
      const { headers, text } = await api.call('GET', `/v1.23/${path}`);
      expect([path, headers['content-type']]).toEqual([path, 'text/plain; charset=utf-8']);
      expect(text).toMatch(/^[^{].*\n$/);
      expect((await api.call('GET', `/v1.24/${path}`)).headers['content-type']).toBe('application/json');
    }
  });

  it('leaves the flat members out of a container from 1.52 on', async () => {
    await using api = await createTestApi();
    await run(api, 'c1');
    const members = async (version: string) =>
      Object.keys(object.parse((await get(api, `/v${version}/containers/c1/json`)).NetworkSettings));
    expect(await members('1.51')).toContain('IPAddress');
    expect(await members('1.52')).toEqual(['SandboxID', 'SandboxKey', 'Ports', 'Networks']);
  });

  it('shows the configuration of an image until 1.44 under the name that it had', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/images/create?fromImage=busybox');
    const image = (version: string) => get(api, `/v${version}/images/busybox/json`);
    expect(await image('1.41')).toMatchObject({ ContainerConfig: { Volumes: null }, VirtualSize: 0 });
    expect(await image('1.44')).not.toHaveProperty('VirtualSize');
    expect(await image('1.45')).not.toHaveProperty('ContainerConfig');
    expect(await image('1.51')).toMatchObject({ Parent: '', Config: { Env: null } });
    expect(await image('1.52')).toMatchObject({ Config: {} });
    expect(await image('1.52')).not.toHaveProperty('Parent');
  });

  it('takes a MAC address of the container until 1.51, with a warning from 1.44 on', async () => {
    await using api = await createTestApi();
    const body = { MacAddress: '02:42:ac:11:00:63' };
    expect(await create(api, 'c1', body, '/v1.51')).toMatchObject({ status: 201 });
    expect(await create(api, 'c2', body, '/v1.52')).toEqual({
      status: 400,
      message: 'container-wide MAC address no longer supported; use endpoint-specific MAC address instead',
    });
  });
});

describe('what Engine 28.5 refuses', () => {
  const address = { IPAMConfig: { IPv4Address: '172.17.0.9' } };
  const userDefined =
    'invalid endpoint settings: * user specified IP address is supported on user defined networks only * ' +
    'user specified IP address is supported only when connecting to networks with user configured subnets';

  it.each(['none', 'host', 'bridge'])('an address on %s, and leaves no container', async (network) => {
    await using api = await createTestApi();
    const NetworkingConfig = { EndpointsConfig: { [network]: address } };
    expect(await create(api, 'c1', { HostConfig: { NetworkMode: network }, NetworkingConfig })).toEqual({
      status: 400,
      message: `invalid config for network ${network}: ${userDefined}`,
    });
    expect(api.model.containers.list()).toEqual([]);
  });

  it('names and addresses at a connection to bridge', async () => {
    await using api = await createTestApi();
    await create(api, 'c1', { HostConfig: { NetworkMode: 'none' } });
    const connect = async (EndpointConfig: object) => {
      const answer = await api.call('POST', '/networks/bridge/connect', { Container: 'c1', EndpointConfig });
      return [answer.status, object.parse(answer.json()).message];
    };
    expect(await connect(address)).toEqual([400, userDefined]);
    expect(await connect({ Aliases: ['a'] })).toEqual([
      400,
      'invalid endpoint settings: network-scoped alias is supported only for containers in user defined networks',
    ]);
  });

  it('a log driver and an option of one that do not exist', async () => {
    await using api = await createTestApi();
    const logged = (LogConfig: object) => create(api, 'c1', { HostConfig: { LogConfig } });
    expect(await logged({ Type: 'bogus' })).toEqual({
      status: 400,
      message: 'error looking up logging plugin bogus: plugin "bogus" not found',
    });
    expect(await logged({ Type: 'json-file', Config: { bogus: '1' } })).toEqual({
      status: 400,
      message: "unknown log opt 'bogus' for json-file log driver",
    });
    expect((await logged({ Type: 'syslog', Config: { tag: 'x' } })).status).toBe(201);
  });
});

describe('ports', () => {
  it('are of networks that lead out', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks/create', { Name: 'int', Internal: true });
    const portsIn = async (NetworkMode: string) => {
      const name = `in-${NetworkMode}`;
      await run(api, name, { ExposedPorts: { '80/tcp': {} }, HostConfig: { NetworkMode } });
      return object.parse((await get(api, `/containers/${name}/json`)).NetworkSettings).Ports;
    };
    expect(await portsIn('bridge')).toEqual({ '80/tcp': null });
    for (const mode of ['host', 'none', 'int']) expect(await portsIn(mode)).toEqual({});
  });
});

describe('links of the default network', () => {
  const linksOf = async (api: TestApi) =>
    object.parse((await get(api, '/containers/web/json')).HostConfig).Links;

  it('are removed one by one', async () => {
    await using api = await createTestApi();
    await run(api, 'db');
    await run(api, 'web', { HostConfig: { Links: ['db:one', 'db:two'] } });
    expect((await api.call('DELETE', '/containers/web/one?link=1')).status).toBe(204);
    expect(await linksOf(api)).toEqual(['/db:/web/two']);
    const again = await api.call('DELETE', '/containers/web/one?link=1');
    expect([again.status, again.json()]).toEqual([404, { message: 'No such container: web/one' }]);
    // As our own client writes it.
    expect((await api.call('DELETE', '/containers/web%2Ftwo?link=1')).status).toBe(204);
    expect(await linksOf(api)).toBeNull();
  });

  it('need a target that runs on that network', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks/create', { Name: 'n' });
    await run(api, 'far', { HostConfig: { NetworkMode: 'n' } });
    await create(api, 'idle');
    const startOf = async (name: string, target: string) => {
      await create(api, name, { HostConfig: { Links: [`${target}:x`] } });
      const answer = await api.call('POST', `/containers/${name}/start`);
      return [answer.status, object.parse(answer.json()).message];
    };
    const { id } = api.model.containers.find('far');
    expect(await startOf('one', 'far')).toEqual([
      409,
      `Cannot start container one: container ${id} not attached to default bridge network`,
    ]);
    expect(await startOf('two', 'idle')).toEqual([
      409,
      'Cannot start container two: Cannot link to a non running container: /idle AS /two/x',
    ]);
  });
});

it('finds a service as ID.NETWORK, as the client of 2015 did', async () => {
  await using api = await createTestApi();
  await api.call('POST', '/networks/create', { Name: 'n' });
  const { service } = await api.model.services.publish('db.n');
  for (const ref of [`${service.id}.n`, `${service.id.slice(0, 12)}.n`]) {
    expect((await api.model.services.find(ref)).service.id).toBe(service.id);
  }
  await expect(api.model.services.find(`${service.id}.bridge`)).rejects.toThrow(
    'not found on network bridge',
  );
});
