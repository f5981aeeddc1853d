import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isForEngine } from '../../../../src/api/proxy/route-owner.ts';
import type { Upstream } from '../../../../src/api/proxy/upstream.ts';
import { createTestApi } from '../../../rig/api.ts';
import { type FakeEngine, type FakeEnginePlan, startFakeEngine } from '../../../rig/fake-engine.ts';
import { RawClient } from '../../../rig/raw-http.ts';
import { until } from '../../../rig/until.ts';

const json = (response: ServerResponse, status: number, value: unknown) =>
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(value)}\n`);

function upstreamTo(socketPath: string, more: Partial<Upstream> = {}): Upstream {
  return { socketPath, apiVersion: () => '1.41', driver: 'fairlead', know: async () => {}, ...more };
}

/** The API beside an Engine that answers so. */
async function beside(plan: FakeEnginePlan, more: Partial<Upstream> = {}) {
  const engine = await startFakeEngine(plan);
  const api = await createTestApi({ upstream: upstreamTo(engine.socketPath, more) });
  await api.listen();
  return {
    engine,
    ...api,
    client: () => RawClient.connect(api.socketPath),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
    },
  };
}

async function fetched(socketPath: string, request: (client: RawClient) => void): Promise<string> {
  const client = await RawClient.connect(socketPath);
  request(client);
  await client.ended;
  return client.text;
}

const closing = ['Connection: close'];
const lines = ({ calls }: FakeEngine) => calls.map(({ line }) => line);

describe('which calls are the Engine’s', () => {
  it.each([
    ['GET', '/v1.41/containers/json?all=1', true],
    ['POST', '/containers/c1/start', true],
    ['POST', '/v1.41/containers/create?name=x', false],
    ['POST', '/v1.41/build?t=x', true],
    ['POST', '/session', true],
    ['GET', '/v1.41/images/json', true],
    ['HEAD', '/_ping', false],
    ['GET', '/v1.41/events?since=1', false],
    ['GET', '/v1.41/networks', false],
    ['POST', '/v1.41/networks/mh/connect', false],
    ['GET', '/v1.41/services', false],
    ['GET', '/v1.41/services/x', false],
    ['POST', '/v1.41/services/create', true],
    ['POST', '/v1.20/services', false],
    ['GET', '/v1.23/sandboxes', false],
    ['GET', '/swarm', true],
    ['GET', '/infos', true],
    ['GET', '/metrics', false],
  ])('%s %s: %s', (method, url, theirs) => {
    expect(isForEngine(method, url)).toBe(theirs);
  });
});

describe('a call that is handed on', () => {
  it('arrives as it was sent, and its answer comes back as it was given', async () => {
    await using api = await beside({
      answer: (_request, response) =>
        response
          .writeHead(418, 'A Teapot', { 'X-Odd': ['a', 'b'], 'Api-Version': '1.41', 'Content-Length': 2 })
          .end('hi'),
    });
    const answer = await fetched(api.socketPath, (client) =>
      client.request('PUT', '/v1.41/containers/a%2Fb/archive?path=%2F', 'body', ['X-Mine: 1', ...closing]),
    );
    expect(answer).toMatch(
      /^HTTP\/1.1 418 A Teapot\r\nX-Odd: a\r\nX-Odd: b\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n/,
    );
    expect(answer.endsWith('\r\n\r\nhi')).toBe(true);
    const [call] = api.engine.calls;
    expect(call).toMatchObject({ line: 'PUT /v1.41/containers/a%2Fb/archive?path=%2F', body: 'body' });
    expect(call?.headers).toEqual(
      expect.arrayContaining(['X-Mine', '1', 'Content-Length', '4', 'Host', 'docker']),
    );
  });

  it('has no body where none was sent, and that is said', async () => {
    await using api = await beside({ answer: (_request, response) => response.writeHead(204).end() });
    const bare = 'POST /containers/c1/start HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n';
    expect(await fetched(api.socketPath, (client) => client.send(bare))).toMatch(/^HTTP\/1.1 204 /);
    const { headers = [] } = api.engine.calls[0] ?? {};
    expect(headers.join(' ')).toContain('Content-Length 0');
    expect(headers.join(' ')).not.toContain('Transfer-Encoding');
  });

  it('streams: headers before the body, each part as it comes, in both directions', async () => {
    let tell = (_text: string) => {};
    await using api = await beside({
      answer: (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
        tell = (text) => (text === '' ? response.end() : response.write(text));
      },
    });
    const client = await api.client();
    client.request('POST', '/containers/c1/wait?condition=next-exit');
    await client.until((text) => text.includes('\r\n\r\n'));
    tell('one');
    await client.until((text) => text.includes('one'));
    tell('two');
    await client.until((text) => text.includes('two'));
    tell('');
    await client.until((text) => text.endsWith('0\r\n\r\n'));
    client.destroy();
  });

  it('may be as large as it likes, in chunks', async () => {
    await using api = await beside({
      answer: (_request, response, body) => json(response, 200, { stream: String(body.length) }),
    });
    const part = randomBytes(1 << 20).toString('latin1');
    const answer = await fetched(api.socketPath, (client) => {
      client.send('POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n');
      client.send('Transfer-Encoding: chunked\r\n\r\n');
      for (let i = 0; i < 20; i += 1) client.send(`100000\r\n${part}\r\n`);
      client.send('0\r\n\r\n');
    });
    expect(answer).toContain(`"stream":"${20 << 20}"`);
  });

  it('ends at the Engine when the client leaves', async () => {
    let closed = false;
    await using api = await beside({
      answer: (_request, response) => {
        response.once('close', () => {
          closed = true;
        });
        response.writeHead(200).flushHeaders();
      },
    });
    const client = await api.client();
    client.request('GET', '/containers/c1/logs?follow=1');
    await client.until((text) => text.includes('\r\n\r\n'));
    client.destroy();
    await until('the Engine sees it', () => closed);
  });

  it('turns into a stream with an upgrade, half-closed or not', async () => {
    await using api = await beside({
      answer: (_request, response) => json(response, 200, {}),
      upgrade(_request, connection, head) {
        connection.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
        connection.write(head);
        connection.pipe(connection);
      },
    });
    const client = await api.client();
    client.upgrade('/v1.41/containers/c1/attach?stream=1', '');
    await client.until((text) => text.includes('\r\n\r\n'));
    client.send('hello\n');
    await client.until((text) => text.endsWith('hello\n'));
    client.halfClose();
    await client.ended;
    expect(client.text).toMatch(/^HTTP\/1.1 101 UPGRADED\r\n/);
  });

  it.each(['/containers/json', '/containers/create'])(
    'is a 503 while the Engine is away: %s',
    async (path) => {
      await using api = await beside({ answer: () => {} });
      await api.engine[Symbol.asyncDispose]();
      const method = path.endsWith('json') ? 'GET' : 'POST';
      const answer = await fetched(api.socketPath, (client) => client.request(method, path, '', closing));
      expect(answer).toMatch(/^HTTP\/1.1 503 /);
      expect(answer).toContain(
        `{"message":"cannot connect to the Docker Engine at unix://${api.engine.socketPath}: there is no such socket: is the Engine running?"}`,
      );
    },
  );

  it('is a 503 with an upgrade, too', async () => {
    await using api = await beside({ answer: () => {} });
    await api.engine[Symbol.asyncDispose]();
    const answer = await fetched(api.socketPath, (client) => client.upgrade('/containers/c1/attach'));
    expect(answer).toMatch(/^HTTP\/1.1 503 .*is the Engine running\?"}\n$/s);
  });
});

describe('what both have a part in', () => {
  it('the version is the one that both honour', async () => {
    await using api = await beside({
      answer: (_request, response) =>
        json(response, 200, { Version: '20.10.24', ApiVersion: '1.41', Components: [{ Name: 'Engine' }] }),
    });
    expect((await api.call('HEAD', '/_ping')).headers['api-version']).toBe('1.41');
    expect((await api.call('GET', '/version')).json()).toMatchObject({
      Version: '20.10.24',
      ApiVersion: '1.41',
      Components: [{ Name: 'Engine' }, { Name: 'Fairlead' }],
    });
  });

  it('info is the Engine’s, with ours in it', async () => {
    const theirs = {
      Containers: 3,
      Plugins: { Volume: ['local'], Network: ['bridge', 'macvlan'] },
      Warnings: null,
    };
    await using api = await beside({ answer: (_request, response) => json(response, 200, theirs) });
    expect((await api.call('GET', '/v1.41/info')).json()).toMatchObject({
      Containers: 3,
      Plugins: { Volume: ['local'], Network: ['bridge', 'macvlan', 'host', 'null'] },
      Warnings: [],
      Fairlead: { nodeName: 'test' },
    });
    await api.engine[Symbol.asyncDispose]();
    const alone = z.object({ Warnings: z.array(z.string()) });
    const { Warnings } = alone.parse((await api.call('GET', '/info')).json());
    expect(Warnings.join()).toContain('cannot connect to the Docker Engine at unix://');
  });

  it('events of both are told, each once', async () => {
    const event = (Type: string, type: string, timeNano: number) =>
      `${JSON.stringify({ Type, Action: 'connect', Actor: { ID: 'x', Attributes: { type } }, timeNano })}\n`;
    const told = [event('container', '', 1e18), event('network', 'bridge', 2e18)];
    await using api = await beside({
      answer: (_request, response) => {
        response.writeHead(200).write(`${told.join('')}${event('network', 'fairlead', 3e18)}`);
      },
    });
    const client = await api.client();
    client.request('GET', '/v1.41/events?filters=%7B%7D');
    await client.until((text) => text.includes(told[1] ?? ''));
    await api.model.networks.create({ name: 'foo' });
    const seen = await client.until((text) => text.includes('"name":"foo"'));
    expect(seen).toContain(told[0]);
    expect(seen).not.toContain('"type":"fairlead"');
    expect(lines(api.engine)).toEqual(['GET /v1.41/events?filters=%7B%7D']);
    client.destroy();
  });
});

describe('a container that publishes services', () => {
  async function withContainer(plan: { readonly attachable: boolean }) {
    let id = '';
    const api = await beside({
      answer: (request, response) =>
        request.method === 'DELETE'
          ? response.writeHead(204).end()
          : json(response, 201, { Id: plan.attachable ? id : 'f'.repeat(64), Warnings: [] }),
    });
    await api.model.networks.create({ name: 'foo' });
    id = (await api.model.containers.create({ name: 'c1', image: 'x' })).id;
    return {
      ...api,
      id,
      create: (body: object) => api.call('POST', '/v1.41/containers/create?name=c1', body),
    };
  }

  it('is made without, on the network of the first, and attached to them', async () => {
    await using api = await withContainer({ attachable: true });
    await api.model.services.publish('there.foo');
    const { status } = await api.create({
      Image: 'x',
      Odd: 1,
      PublishService: ['db.foo', 'there.foo'],
      HostConfig: { NetworkMode: 'default', Memory: 5 },
    });
    expect(status).toBe(201);
    expect(api.engine.calls.map(({ line, body }) => [line, JSON.parse(body)])).toEqual([
      [
        'POST /v1.41/containers/create?name=c1',
        { Image: 'x', Odd: 1, HostConfig: { NetworkMode: 'foo', Memory: 5 } },
      ],
    ]);
    const places = api.model.containers.find('c1').attachments.filter(({ serviceId }) => serviceId);
    expect(places).toHaveLength(2);
  });

  it('has the settings of the default network on that one, and says what was published', async () => {
    await using api = await withContainer({ attachable: true });
    const { headers } = await api.create({
      Image: 'x',
      PublishService: 'db.foo',
      NetworkingConfig: { EndpointsConfig: { default: { Aliases: ['a'] }, bar: {} } },
    });
    const [{ service } = { service: { id: '' } }] = await api.model.services.list();
    expect(headers['fairlead-published']).toBe(service.id);
    expect(JSON.parse(api.engine.calls[0]?.body ?? '')).toEqual({
      Image: 'x',
      HostConfig: { NetworkMode: 'foo' },
      NetworkingConfig: { EndpointsConfig: { foo: { Aliases: ['a'] }, bar: {} } },
    });
  });

  it('stays where it was put by name', async () => {
    await using api = await withContainer({ attachable: true });
    await api.create({ Image: 'x', PublishService: 'db.foo', HostConfig: { NetworkMode: 'other' } });
    expect(JSON.parse(api.engine.calls[0]?.body ?? '')).toMatchObject({
      HostConfig: { NetworkMode: 'other' },
    });
  });

  it('goes again, with what was published for it, when one cannot be taken', async () => {
    await using api = await withContainer({ attachable: false });
    await api.model.services.publish('there.foo');
    const { status, text } = await api.create({ Image: 'x', PublishService: ['db.foo', 'there.foo'] });
    expect([status, text]).toEqual([404, `{"message":"No such container: ${'f'.repeat(64)}"}\n`]);
    expect(lines(api.engine)).toEqual([
      'POST /v1.41/containers/create?name=c1',
      `DELETE /containers/${'f'.repeat(64)}?force=1&v=1`,
    ]);
    expect((await api.model.services.list()).map(({ service }) => service.name)).toEqual(['there']);
  });

  it('is attached to the service of that name, not to one whose id begins so', async () => {
    await using api = await withContainer({ attachable: true });
    const { service: other } = await api.model.services.publish('other.foo');
    const name = other.id.slice(0, 1);
    expect((await api.create({ Image: 'x', PublishService: `${name}.foo` })).status).toBe(201);
    const own = (await api.model.services.list()).find(({ service }) => service.name === name);
    const [place] = api.model.containers.find('c1').attachments.filter(({ serviceId }) => serviceId);
    expect([place?.serviceId, own?.service.name]).toEqual([own?.service.id, name]);
  });

  it('is not made on a network that does not exist', async () => {
    await using api = await withContainer({ attachable: true });
    const { status, text } = await api.create({ Image: 'x', PublishService: 'db.nowhere' });
    expect([status, text]).toEqual([400, '{"message":"Network nowhere does not exist"}\n']);
    expect(api.engine.calls).toEqual([]);
  });
});
