import { describe, expect, it } from 'vitest';
import { version } from '../../../../src/lib/version.ts';
import { createTestApi } from '../../../rig/api.ts';

type TestApi = Awaited<ReturnType<typeof createTestApi>>;

const names = async (api: TestApi, filters: unknown) => {
  const text = typeof filters === 'string' ? filters : JSON.stringify(filters);
  const answer = await api.call('GET', `/networks?filters=${encodeURIComponent(text)}`);
  const body = answer.json();
  return Array.isArray(body) ? body.map(({ Name }) => Name) : [answer.status, body];
};

async function running(api: TestApi, name: string, network: string): Promise<string> {
  await api.model.containers.create({ name, image: 'busybox', networkMode: network });
  return (await api.model.containers.start(name)).id;
}

describe('GET /networks', () => {
  it('writes a network with the members of the Engine, in its order', async () => {
    await using api = await createTestApi();
    const created = await api.call('POST', '/v1.44/networks/create', {
      Name: 'foo',
      Driver: 'bridge',
      Labels: { a: 'b' },
      IPAM: { Config: [{ Subnet: '10.7.0.0/24', AuxiliaryAddresses: { x: '10.7.0.9' } }] },
    });
    expect(created.status).toBe(201);
    const { id, created: time } = api.model.networks.find('foo');
    expect(created.text).toBe(`{"Id":"${id}","Warning":""}\n`);
    const answer = await api.call('GET', '/v1.44/networks/foo');
    expect(answer.text).toBe(
      `{"Name":"foo","Id":"${id}","Created":"${time}","Scope":"local","Driver":"bridge","EnableIPv6":false,` +
        '"IPAM":{"Driver":"default","Options":null,"Config":[{"Subnet":"10.7.0.0/24","Gateway":"10.7.0.1",' +
        '"AuxiliaryAddresses":{"x":"10.7.0.9"}}]},"Internal":false,"Attachable":false,"Ingress":false,' +
        '"ConfigFrom":{"Network":""},"ConfigOnly":false,"Containers":{},"Options":{},"Labels":{"a":"b"}}\n',
    );
    expect((await api.call('GET', '/networks/foo')).json()).toHaveProperty('EnableIPv4', true);
  });

  it('sends the headers of every answer', async () => {
    await using api = await createTestApi();
    for (const url of ['/networks', '/nope', '/networks/nope', '/v1.24/networks']) {
      const { headers } = await api.call('GET', url);
      expect(headers).toMatchObject({
        'api-version': '1.52',
        'docker-experimental': 'false',
        ostype: 'linux',
        server: `Fairlead/${version} (${process.platform})`,
        'content-type': 'application/json',
      });
    }
  });

  it('has the containers in inspect, and in the list only before 1.28', async () => {
    await using api = await createTestApi();
    const id = await running(api, 'c1', 'bridge');
    const [endpoint] = await api.model.networks.endpoints(api.model.networks.find('bridge').id);
    const containers = {
      [id]: {
        Name: 'c1',
        EndpointID: endpoint?.id,
        MacAddress: '02:42:ac:11:00:02',
        IPv4Address: '172.17.0.2/16',
        IPv6Address: '',
      },
    };
    expect((await api.call('GET', '/networks/bridge')).json()).toHaveProperty('Containers', containers);
    expect((await api.call('GET', '/v1.27/networks')).json()).toMatchObject([
      { Containers: containers },
      {},
      {},
    ]);
    expect((await api.call('GET', '/v1.28/networks')).json()).toMatchObject([{ Containers: {} }, {}, {}]);
    const listed = (await api.call('GET', '/v1.28/networks/')).json();
    expect(listed).toHaveProperty([0, 'Containers'], {});
  });

  it('filters', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks/create', { Name: 'f-a', Labels: { k: 'v', only: '' } });
    await api.call('POST', '/networks/create', { Name: 'f-b', Labels: { k: 'w' } });
    expect(await names(api, { name: ['f-'] })).toEqual(['f-a', 'f-b']);
    expect(await names(api, { name: { '^f-a$': true } })).toEqual(['f-a']);
    expect(await names(api, { name: ['f-b', 'host'] })).toEqual(['f-b', 'host']);
    expect(await names(api, { name: ['('] })).toEqual([]);
    expect(await names(api, { name: ['(?i)F-A'] })).toEqual(['f-a']);
    expect(await names(api, { id: [api.model.networks.find('f-a').id.slice(0, 12)] })).toEqual(['f-a']);
    expect(await names(api, { driver: ['null'] })).toEqual(['none']);
    expect(await names(api, { label: ['k'] })).toEqual(['f-a', 'f-b']);
    expect(await names(api, { label: ['k=v', 'only'] })).toEqual(['f-a']);
    expect(await names(api, { scope: ['local'], type: ['builtin'] })).toEqual(['bridge', 'host', 'none']);
    expect(await names(api, { scope: ['swarm'] })).toEqual([]);
    expect(await names(api, { type: ['custom'] })).toEqual(['f-a', 'f-b']);
    expect(await names(api, { dangling: ['1'] })).toEqual(['f-a', 'f-b']);
    expect(await names(api, { dangling: ['false'] })).toEqual(['bridge', 'host', 'none']);
    expect(await names(api, 'null')).toHaveLength(5);
  });

  it.each([
    [{ bogus: ['x'] }, "invalid filter 'bogus'"],
    [{ type: ['bogus'] }, "invalid filter: 'type'='bogus'"],
    [
      { dangling: ['bogus'] },
      `invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`,
    ],
    [{ dangling: ['1', '0'] }, 'got more than one value for filter key "dangling"'],
    ['{', 'invalid filter'],
    [[], 'invalid filter'],
    [{ name: 'zf' }, 'invalid filter'],
  ])('refuses the filters %j', async (filters, message) => {
    await using api = await createTestApi();
    expect(await names(api, filters)).toEqual([400, { message }]);
  });

  it('does not let an expensive expression hold the daemon', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks/create', { Name: 'a'.repeat(60) });
    const before = performance.now();
    expect(await names(api, { name: ['^(a+)+$!'] })).toEqual([
      400,
      { message: 'filter name: the regular expression takes too long' },
    ]);
    expect(performance.now() - before).toBeLessThan(2000);
  });
});

describe('POST /networks/create', () => {
  it.each([
    ['', 'invalid name: name is empty'],
    [' ', 'invalid JSON: got EOF while reading request body'],
    ['{', 'invalid JSON: unexpected EOF'],
    ['{} trailing content', 'unexpected content after JSON'],
    ['{"Name":"foo"}{}', 'unexpected content after JSON'],
    ['[]', 'invalid JSON: json: cannot unmarshal array into Go value of type types.NetworkCreateRequest'],
    [
      '{"Name":1}',
      'invalid JSON: json: cannot unmarshal number into Go struct field NetworkCreateRequest.Name of type string',
    ],
  ])('refuses the body %j', async (body, message) => {
    await using api = await createTestApi();
    const answer = await api.call('POST', '/networks/create', body);
    expect([answer.status, answer.json()]).toEqual([400, { message }]);
  });

  it('wants JSON to be called that', async () => {
    await using api = await createTestApi();
    for (const type of ['text/plain', '']) {
      const response = await api.api.app.inject({
        method: 'POST',
        url: '/networks/create',
        payload: '{"Name":"foo"}',
        headers: type === '' ? {} : { 'content-type': type },
      });
      expect([response.statusCode, response.json()]).toEqual([
        400,
        { message: `unsupported Content-Type header (${type}): must be 'application/json'` },
      ]);
    }
    const charset = { 'content-type': 'application/json; charset=utf-8' };
    const request = {
      method: 'POST',
      url: '/networks/create',
      payload: '{"Name":"foo"}\n',
      headers: charset,
    } as const;
    expect((await api.api.app.inject(request)).statusCode).toBe(201);
  });

  it.each([
    [{ Name: 'x', Ingress: true }, 403, 'Ingress network can only be global scope network'],
    [{ Name: 'x', ConfigFrom: { Network: 'y' } }, 404, 'configuration network "y" does not exist'],
    [{ Name: 'x', IPAM: { Driver: 'nope' } }, 404, 'plugin "nope" not found'],
    [{ Name: 'x', EnableIPv4: false }, 400, 'IPv4 or IPv6 must be enabled'],
    [
      { Name: 'x', EnableIPv4: false, EnableIPv6: true, IPAM: { Config: [{ Subnet: '10.1.0.0/24' }] } },
      400,
      'IPv4 is disabled for this network: leave the subnet 10.1.0.0/24 out',
    ],
    [{ Name: 'bridge' }, 403, 'operation is not permitted on predefined bridge network '],
  ])('refuses %j', async (body, status, message) => {
    await using api = await createTestApi();
    const answer = await api.call('POST', '/networks/create', body);
    expect([answer.status, answer.json()]).toEqual([status, { message }]);
  });

  it('answers a taken name with 409, a body over 2 MiB with 413', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks/create', { Name: 'foo', CheckDuplicate: true });
    const again = await api.call('POST', '/networks/create', { Name: 'foo' });
    expect([again.status, again.json()]).toEqual([409, { message: 'network with name foo already exists' }]);
    const large = await api.call('POST', '/networks/create', `{"Name":"${'x'.repeat(2 * 1024 * 1024)}"}`);
    expect([large.status, large.json()]).toEqual([413, { message: 'Request body is too large' }]);
  });
});

describe('the other calls of /networks', () => {
  it('connects, disconnects and removes', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks/create', {
      Name: 'foo',
      IPAM: { Config: [{ Subnet: '10.8.0.0/24' }] },
    });
    const id = await running(api, 'c1', 'bridge');
    const connected = await api.call('POST', '/networks/foo/connect', {
      Container: 'c1',
      EndpointConfig: { IPAMConfig: { IPv4Address: '10.8.0.77' }, Aliases: ['al'], Links: null },
    });
    expect([connected.status, connected.text]).toEqual([200, '']);
    const inspected = (await api.call('GET', '/containers/c1/json')).json();
    expect(inspected).toHaveProperty('NetworkSettings.Networks.foo.IPAddress', '10.8.0.77');
    expect(inspected).toHaveProperty('NetworkSettings.Networks.foo.Aliases', ['al']);
    expect(inspected).toHaveProperty('NetworkSettings.Networks.foo.DNSNames', ['c1', 'al', id.slice(0, 12)]);
    expect((await api.call('DELETE', '/networks/foo')).status).toBe(403);
    const gone = await api.call('POST', '/networks/foo/disconnect', { Container: 'c1', Force: false });
    expect([gone.status, gone.text]).toEqual([200, '']);
    const removed = await api.call('DELETE', '/networks/foo');
    expect([removed.status, removed.text]).toEqual([204, '']);
  });

  it.each([
    ['GET', '/networks/nope', undefined, 404, 'network nope not found'],
    ['GET', '/networks/bridge?scope=global', undefined, 404, 'network bridge not found'],
    [
      'GET',
      '/networks/bridge?verbose=bogus',
      undefined,
      400,
      'invalid value for verbose: bogus: strconv.ParseBool: parsing "bogus": invalid syntax',
    ],
    ['DELETE', '/networks/bridge', undefined, 403, 'bridge is a pre-defined network and cannot be removed'],
    ['POST', '/networks/bridge/connect', {}, 400, 'invalid name or ID supplied: ""'],
    ['POST', '/networks/bridge/disconnect', { Container: '' }, 400, 'invalid name or ID supplied: ""'],
    ['POST', '/networks/bridge/connect', { Container: 'nope' }, 404, 'No such container: nope'],
    [
      'POST',
      '/networks/bridge/connect',
      { Container: 'c', EndpointConfig: { Links: ['a:b:c'] } },
      400,
      'bad format for links: a:b:c',
    ],
    ['POST', '/networks/nope/connect', { Container: 'nix' }, 404, 'No such container: nix'],
    ['POST', '/networks/nope/disconnect', { Container: 'nix' }, 404, 'No such container: nix'],
    ['POST', '/networks/prune?filters={"bogus":["x"]}', undefined, 400, "invalid filter 'bogus'"],
    [
      'POST',
      '/networks/prune?filters={"until":["x"]}',
      undefined,
      400,
      'failed to parse value as time or duration: "x"',
    ],
    [
      'POST',
      '/networks/prune?filters={"until":["1h","2h"]}',
      undefined,
      400,
      'more than one until filter specified',
    ],
  ] as const)('%s %s %j: %i %s', async (method, url, body, status, message) => {
    await using api = await createTestApi();
    const answer = await api.call(method, encodeURI(url), body);
    expect([answer.status, answer.json()]).toEqual([status, { message }]);
  });

  it('prunes by label and age', async () => {
    await using api = await createTestApi();
    for (const [name, keep] of [
      ['a', '1'],
      ['b', '0'],
    ]) {
      await api.call('POST', '/networks/create', { Name: name, Labels: { keep } });
    }
    const prune = async (filters: unknown) =>
      (await api.call('POST', `/networks/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`)).text;
    expect(await prune({ until: ['1h'] })).toBe('{"NetworksDeleted":null}\n');
    expect(await prune({ 'label!': ['keep=1'] })).toBe('{"NetworksDeleted":["b"]}\n');
    expect(await prune({})).toBe('{"NetworksDeleted":["a"]}\n');
    expect(api.model.events.past().filter(({ Action }) => Action === 'prune')).toHaveLength(3);
  });
});
