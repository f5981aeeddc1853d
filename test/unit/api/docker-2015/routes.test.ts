import { describe, expect, it } from 'vitest';
import { shortId } from '../../../../src/lib/ids.ts';
import { createTestApi } from '../../../rig/api.ts';

type TestApi = Awaited<ReturnType<typeof createTestApi>>;

async function running(api: TestApi, name: string, network: string): Promise<string> {
  await api.model.containers.create({ name, image: 'busybox', networkMode: network });
  return (await api.model.containers.start(name)).id;
}

async function publish(api: TestApi, body: object): Promise<string> {
  const answer = await api.call('POST', '/v1.20/services', body);
  expect([answer.status, answer.text]).toEqual([201, expect.stringMatching(/^"[0-9a-f]{64}"\n$/)]);
  return String(answer.json());
}

describe('which API a path means', () => {
  it.each([
    ['/services', 'null\n'],
    ['/v1.7/services', 'null\n'],
    ['/v1.23/services', 'null\n'],
    ['/v1.24/services', '[]\n'],
    ['/v1.20/networks?name=nope', 'null\n'],
    ['/networks?partial-id=zz', 'null\n'],
    ['/v1.44/networks?name=nope&filters={"name":["nope"]}', '[]\n'],
  ])('%s', async (url, text) => {
    await using api = await createTestApi();
    expect((await api.call('GET', encodeURI(url))).text).toBe(text);
  });

  it('answers with the errors of that API', async () => {
    await using api = await createTestApi();
    const text = await api.call('GET', `/v1.20/services/${'0'.repeat(64)}`);
    expect([text.status, text.headers['content-type'], text.text]).toEqual([
      404,
      'text/plain; charset=utf-8',
      'Service not found\n',
    ]);
    const unknown = await api.call('GET', '/v1.20/services/x/y/z');
    expect([unknown.status, unknown.text]).toEqual([404, '404 page not found\n']);
    const engine = await api.call('GET', '/v1.24/nope');
    expect([engine.status, engine.text]).toEqual([404, '{"message":"page not found"}\n']);
  });

  it.each([
    ['/v1.99/networks', 'client version 1.99 is too new. Maximum supported API version is 1.52'],
    [
      '/v1.11/info',
      'client version 1.11 is too old. Minimum supported API version is 1.18, please upgrade your client to a newer version',
    ],
  ])('refuses the version of %s', async (url, message) => {
    await using api = await createTestApi();
    const answer = await api.call('GET', url);
    // Before 1.24 errors are plain text.
    const text = url.startsWith('/v1.11/') ? message : JSON.stringify({ message });
    expect([answer.status, answer.text]).toEqual([400, `${text}\n`]);
  });
});

describe('/networks of 2015', () => {
  it('creates, finds by name and partial id, shows endpoints, deletes', async () => {
    await using api = await createTestApi();
    const created = await api.call('POST', '/v1.20/networks', {
      name: 'foo',
      network_type: 'bridge',
      options: { 'com.docker.network.generic': { 'com.docker.network.driver.mtu': '1400' } },
      ipv4_configuration: [{ PreferredPool: '10.3.0.0/24' }],
    });
    expect(created.status).toBe(201);
    const { id, options, ipam } = api.model.networks.find('foo');
    expect(created.text).toBe(`"${id}"\n`);
    expect([options, ipam.pools[0]?.subnet]).toEqual([
      { 'com.docker.network.driver.mtu': '1400' },
      '10.3.0.0/24',
    ]);
    const shape = { name: 'foo', id, type: 'bridge', endpoints: [] };
    expect((await api.call('GET', '/v1.20/networks?name=foo')).json()).toEqual([shape]);
    expect((await api.call('GET', `/v1.20/networks?partial-id=${id.slice(0, 8)}`)).json()).toEqual([shape]);
    expect((await api.call('GET', '/v1.20/networks?name=')).json()).toMatchObject([{ name: 'bridge' }]);
    expect((await api.call('GET', `/v1.20/networks/${id}`)).json()).toEqual(shape);
    const short = await api.call('GET', '/v1.20/networks/foo');
    expect([short.status, short.text]).toEqual([404, 'Resource not found: Network\n']);
    await publish(api, { name: 's1', network_name: 'foo' });
    expect((await api.call('DELETE', `/v1.20/networks/${id}`)).status).toBe(403);
    await api.model.services.unpublish('s1.foo');
    const gone = await api.call('DELETE', `/v1.20/networks/${id}`);
    expect([gone.status, gone.text]).toEqual([200, '']);
  });

  it.each([
    ['', 400, 'Invalid body: unexpected end of JSON input'],
    ['{', 400, 'Invalid body: unexpected end of JSON input'],
    [
      '{"name":1}',
      400,
      'Invalid body: json: cannot unmarshal number into Go struct field networkCreate.name of type string',
    ],
    ['{"name":"bridge"}', 403, 'operation is not permitted on predefined bridge network'],
    ['{"name":"x","network_type":"null"}', 403, 'only one instance of "null" network is allowed'],
  ])('refuses the body %s', async (body, status, message) => {
    await using api = await createTestApi();
    const answer = await api.call('POST', '/networks', body);
    expect([answer.status, answer.text.trim()]).toEqual([status, message]);
  });

  it('answers a taken name with 403, as 2015 knew no 409', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks', { name: 'foo' });
    const again = await api.call('POST', '/networks', { NAME: 'foo' });
    expect([again.status, again.text]).toEqual([403, 'network with name foo already exists\n']);
  });

  it('serves endpoints: services and the containers’ own places', async () => {
    await using api = await createTestApi();
    const { id } = await api.model.networks.create({ name: 'foo' });
    const container = await running(api, 'c1', 'foo');
    const made = await api.call('POST', `/v1.20/networks/${id}/endpoints`, { name: 's1' });
    expect(made.status).toBe(201);
    const service = String(made.json());
    const listed = (await api.call('GET', `/v1.20/networks/${id}/endpoints`)).json();
    expect(listed).toMatchObject([
      { name: 's1', id: service, network: 'foo', implicit: false },
      { name: 'c1', network: 'foo', implicit: true },
    ]);
    const base = `/v1.20/networks/${id}/endpoints/${service}`;
    expect((await api.call('GET', `/networks/${id}/endpoints?name=s1`)).json()).toHaveLength(1);
    const joined = await api.call('POST', `${base}/containers`, { container_id: container });
    expect([joined.status, joined.text]).toEqual([
      200,
      `"/var/run/docker/netns/${container.slice(0, 12)}"\n`,
    ]);
    expect((await api.call('DELETE', base)).status).toBe(403);
    expect((await api.call('DELETE', `${base}/sandboxes/${container}`)).status).toBe(200);
    expect((await api.call('DELETE', base)).status).toBe(200);
    const missing = await api.call('GET', base);
    expect([missing.status, missing.text]).toEqual([404, 'Resource not found: Endpoint\n']);
  });
});

describe('/services of 2015', () => {
  it('publishes, attaches, lists providers, detaches, unpublishes', async () => {
    await using api = await createTestApi();
    await api.model.networks.create({ name: 'foo' });
    const id = await publish(api, {
      name: 'db',
      network_name: 'foo',
      exposed_ports: [{ proto: 6, port: 5432 }],
      my_aliases: ['sql'],
    });
    const container = await running(api, 'c1', 'bridge');
    const { service } = await api.model.services.find('db.foo');
    expect(service).toMatchObject({
      aliases: ['sql'],
      ports: [{ protocol: 'tcp', port: 5432 }],
      shared: false,
    });
    expect((await api.call('GET', `/v1.20/services/${id}/backend`)).text).toBe('null\n');
    const attached = await api.call('POST', `/v1.20/services/${id}/backend`, { container_id: 'c1' });
    expect([attached.status, attached.text]).toEqual([
      200,
      `"/var/run/docker/netns/${container.slice(0, 12)}"\n`,
    ]);
    expect((await api.call('GET', `/v1.20/services/${id}/backend`)).json()).toEqual([{ id: container }]);
    expect((await api.call('GET', `/v1.20/services/${id}`)).json()).toEqual({
      name: 'db',
      id,
      network: 'foo',
      network_id: service.networkId,
      providers: [
        {
          container_id: container,
          container_name: 'c1',
          node: api.model.nodeId,
          ipv4: '172.18.0.2',
          ipv6: '',
          since: expect.stringMatching(/^20.*Z$/),
        },
      ],
      shared: false,
      ipv4: '172.18.0.2',
      ipv6: '',
      aliases: ['sql'],
      implicit: false,
      candidates: [],
    });
    expect((await api.call('POST', `/v1.20/services/${id}/backend`, { container_id: 'c1' })).status).toBe(
      403,
    );
    expect((await api.call('DELETE', `/v1.20/services/${id}`)).status).toBe(403);
    const detached = await api.call('DELETE', `/v1.20/services/${id}/backend/${container}`);
    expect([detached.status, detached.text]).toEqual([200, '']);
    expect((await api.call('DELETE', `/v1.20/services/${id}/backend/c1`)).status).toBe(400);
    const gone = await api.call('DELETE', `/v1.20/services/${id}`);
    expect([gone.status, gone.text]).toEqual([200, '']);
  });

  it('takes a force in the query or in the body', async () => {
    await using api = await createTestApi();
    await running(api, 'c1', 'bridge');
    for (const [query, body] of [
      ['?force=1', undefined],
      ['', { name: 's', force: true }],
    ] as const) {
      const id = await publish(api, { name: 's' });
      await api.call('POST', `/services/${id}/backend`, { sandbox_id: 'c1' });
      expect((await api.call('DELETE', `/services/${id}${query}`, body)).status).toBe(200);
    }
  });

  it('publishes and finds by SERVICE[.NETWORK]', async () => {
    await using api = await createTestApi();
    await api.model.networks.create({ name: 'foo' });
    const id = await publish(api, { ref: 'my.db.foo', shared: true });
    expect((await api.call('GET', '/v1.23/services?ref=my.db.foo')).json()).toMatchObject([
      { name: 'my.db', id, network: 'foo', shared: true, ipv4: '' },
    ]);
    const missing = await api.call('GET', '/v1.23/services?ref=nope.foo');
    expect([missing.status, missing.text]).toEqual([404, 'Service nope not found on network foo\n']);
  });

  it('lists what a row shows, and no more, to whoever wants it brief', async () => {
    await using api = await createTestApi();
    await api.model.networks.create({ name: 'foo' });
    const id = await publish(api, { name: 'db', network_name: 'foo' });
    const idle = await publish(api, { name: 'idle', network_name: 'foo' });
    const container = await running(api, 'c1', 'foo');
    await api.call('POST', `/v1.20/services/${id}/backend`, { container_id: 'c1' });
    const endpoints = await api.model.networks.endpoints(api.model.networks.find('foo').id);
    const own = endpoints.find(({ serviceId }) => serviceId === undefined);
    const provider = shortId(container);
    const all = await api.call('GET', '/v1.20/services?brief=1&all=1');
    expect(all.text.split('\n')).toEqual([
      `${shortId(own?.id ?? '')}\tc1\tfoo\t${provider}`,
      `${shortId(id)}\tdb\tfoo\t${provider}`,
      `${shortId(idle)}\tidle\tfoo\t`,
      '',
    ]);
    for (const query of ['name=idle', `partial-id=${idle}`, `ref=${idle}`])
      expect((await api.call('GET', `/v1.20/services?brief=1&${query}`)).text).toBe(
        `${shortId(idle)}\tidle\tfoo\t\n`,
      );
    // 2015's own answer is an empty list.
    const nowhere = await api.call('GET', '/v1.20/services?brief=1&network=nope');
    expect([nowhere.status, nowhere.text]).toEqual([404, 'network nope not found\n']);
    expect((await api.call('GET', '/v1.20/services?network=nope')).json()).toBe(null);
  });

  it('lists by network, name, partial id, and implicit ones on demand', async () => {
    await using api = await createTestApi();
    await api.model.networks.create({ name: 'foo' });
    const one = await publish(api, { name: 'one', network_name: 'foo' });
    const two = await publish(api, { name: 'two', network_name: '' });
    await running(api, 'c1', 'foo');
    const ids = async (query: string) => {
      const body = (await api.call('GET', `/v1.20/services?${query}`)).json();
      return Array.isArray(body) ? body.map(({ name }) => name) : body;
    };
    expect(await ids('')).toEqual(['one', 'two']);
    expect(await ids('all=1')).toEqual(['c1', 'one', 'two']);
    expect(await ids('network=foo')).toEqual(['one']);
    expect(await ids('network=foo&all=1')).toEqual(['c1', 'one']);
    expect(await ids('network=nope')).toBeNull();
    expect(await ids('network=')).toEqual(['one', 'two']);
    expect(await ids('name=two')).toEqual(['two']);
    expect(await ids('name=')).toEqual(['two']);
    expect(await ids(`partial-id=${one}`)).toEqual(['one']);
    expect(await ids(`partial-id=${two.slice(0, 20)}`)).toEqual(['two']);
    const clash = await api.call('GET', '/services?partial-id=a&name=');
    expect([clash.status, clash.text]).toEqual([400, 'Unsupported query\n']);
  });

  it.each([
    [{ name: 's', network_name: 'nope' }, 404, 'network nope not found'],
    [
      { name: 's', exposed_ports: [{ Proto: 7, Port: 1 }] },
      400,
      'invalid port 1 of protocol 7: expected 1 to 65535 and protocol 6 (tcp), 17 (udp) or 132 (sctp)',
    ],
  ])('refuses to publish %j', async (body, status, message) => {
    await using api = await createTestApi();
    const answer = await api.call('POST', '/services', body);
    expect([answer.status, answer.text.trim()]).toEqual([status, message]);
  });

  it.each([
    [{}, 400, 'invalid container id'],
    [{ container_id: 'nope' }, 404, 'No such container: nope'],
    [
      { container_id: 'c', aliases: ['a:b'] },
      501,
      'aliases for other containers are not supported: publish with my_aliases',
    ],
  ])('refuses to attach %j', async (body, status, message) => {
    await using api = await createTestApi();
    const id = await publish(api, { name: 's' });
    const answer = await api.call('POST', `/services/${id}/backend`, body);
    expect([answer.status, answer.text.trim()]).toEqual([status, message]);
  });
});

describe('/sandboxes of the last shape', () => {
  it('are the running containers, to be read', async () => {
    await using api = await createTestApi();
    const id = await running(api, 'c1', 'bridge');
    const shape = { id, key: `/var/run/docker/netns/${id.slice(0, 12)}`, container_id: id };
    expect((await api.call('GET', '/sandboxes')).json()).toEqual([shape]);
    expect((await api.call('GET', `/sandboxes?partial-container-id=${id.slice(0, 5)}`)).json()).toEqual([
      shape,
    ]);
    expect((await api.call('GET', '/sandboxes?container-id=x')).json()).toBeNull();
    expect((await api.call('GET', `/sandboxes/${id}`)).json()).toEqual(shape);
    expect((await api.call('GET', '/sandboxes/x')).text).toBe('Resource not found: Sandbox\n');
    expect((await api.call('POST', '/sandboxes', {})).status).toBe(501);
  });
});
