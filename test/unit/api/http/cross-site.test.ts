import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi } from '../../../rig/api.ts';
import { type FakeEngine, startFakeEngine } from '../../../rig/fake-engine.ts';
import { RawClient } from '../../../rig/raw-http.ts';

interface Try {
  readonly method?: string;
  readonly path?: string;
  readonly headers: readonly string[];
  readonly body?: string;
}

async function ask(
  where: string | number,
  { method = 'GET', path = '/_ping', headers, body = '' }: Try,
): Promise<{ readonly status: number; readonly text: string }> {
  const client = await RawClient.connect(where);
  const lines = [`${method} ${path} HTTP/1.1`, ...headers, 'Connection: close'];
  const length = method === 'GET' ? [] : [`Content-Length: ${body.length}`];
  client.send(`${[...lines, ...length].join('\r\n')}\r\n\r\n${body}`);
  await client.ended;
  client.destroy();
  return { status: Number(client.text.split(' ')[1]), text: client.text };
}

/** What a web page of somebody else can make a browser send to tcp://127.0.0.1 must come to nothing. */
describe('requests over tcp that a web page may have sent', () => {
  let api: Awaited<ReturnType<typeof createTestApi>>;
  let engine: FakeEngine;
  let beside: Awaited<ReturnType<typeof createTestApi>>;
  let port = 0;
  let besidePort = 0;
  const tcp = { kind: 'tcp', host: '127.0.0.1', port: 0, tls: false } as const;

  async function listen(on: typeof api): Promise<number> {
    const bound = await on.api.listen(tcp, { names: ['docker.internal'] });
    return bound.kind === 'tcp' ? bound.port : 0;
  }

  beforeAll(async () => {
    api = await createTestApi();
    await api.listen();
    port = await listen(api);
    engine = await startFakeEngine({
      answer: (_request, response) => response.writeHead(200).end('the Engine'),
      upgrade: (_request, connection) => connection.end('HTTP/1.1 101 UPGRADED\r\n\r\n'),
    });
    const { socketPath } = engine;
    const upstream = { socketPath, apiVersion: () => '1.41', driver: 'fairlead', know: async () => {} };
    beside = await createTestApi({ upstream });
    besidePort = await listen(beside);
  });
  afterAll(async () => {
    await beside[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await api[Symbol.asyncDispose]();
  });

  it.each(['127.0.0.1', '127.0.0.1:PORT', 'localhost:PORT', 'LocalHost', '[::1]:PORT', 'docker.internal:99'])(
    'serves who calls the listener %s',
    async (host) => {
      const headers = [`Host: ${host.replace('PORT', String(port))}`];
      expect((await ask(port, { headers })).status).toBe(200);
    },
  );

  it.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1.evil.example:PORT',
    'localhost.evil.example',
    '10.0.0.1:PORT',
    '[2001:db8::1]:PORT',
    '127.0.0.1@evil.example',
    '',
  ])('refuses a name that was made to mean our address: "%s"', async (host) => {
    const name = host.replace('PORT', String(port));
    const { status, text } = await ask(port, { headers: [`Host: ${name}`] });
    expect(status).toBe(403);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(
      `{"message":"the Host header \\"${name}\\" is no name of this listener: expected an address of it or localhost; others are given to the daemon with --api-name"}\n`,
    );
  });

  it('refuses two Host headers, of which the second would be overlooked', async () => {
    const headers = ['Host: 127.0.0.1', 'Host: evil.example'];
    expect((await ask(port, { headers })).status).toBe(403);
  });

  const host = 'Host: 127.0.0.1:2375';
  const create = { method: 'POST', path: '/v1.41/containers/create?name=pwned' };
  const json = 'Content-Type: application/json';
  const body = '{"Image":"x"}';
  it.each<readonly [string, Try, number]>([
    ['a foreign origin', { ...create, headers: [host, json, 'Origin: http://evil.example'], body }, 403],
    [
      'another port of localhost',
      { ...create, headers: [host, json, 'Origin: http://127.0.0.1:3000'], body },
      403,
    ],
    ['another scheme', { ...create, headers: [host, json, 'Origin: https://127.0.0.1:2375'], body }, 403],
    ['a page without an origin', { ...create, headers: [host, json, 'Origin: null'], body }, 403],
    ['another site', { headers: [host, 'Sec-Fetch-Site: cross-site'] }, 403],
    ['another port of the same site', { headers: [host, 'Sec-Fetch-Site: same-site'] }, 403],
    ['a preflight', { method: 'OPTIONS', headers: [host, 'Origin: http://evil.example'] }, 403],
    ['text/plain', { ...create, headers: [host, 'Content-Type: text/plain'], body }, 400],
    ['no type', { ...create, headers: [host], body }, 400],
    ['a form', { ...create, headers: [host, 'Content-Type: application/x-www-form-urlencoded'], body }, 400],
    [
      'a form with files',
      { ...create, headers: [host, 'Content-Type: multipart/form-data; boundary=x'], body },
      400,
    ],
    [
      'a form without fields',
      {
        method: 'POST',
        path: '/containers/c1/start',
        headers: [host, 'Content-Type: application/x-www-form-urlencoded'],
      },
      400,
    ],
    [
      'a bodyless POST of another origin',
      { method: 'POST', path: '/containers/c1/start', headers: [host, 'Origin: http://evil.example'] },
      403,
    ],
    [
      'a WebSocket',
      {
        path: '/containers/c1/attach/ws',
        headers: [host, 'Origin: http://evil.example', 'Upgrade: websocket', 'Connection: Upgrade'],
      },
      403,
    ],
    [
      'a connection to be taken over',
      {
        method: 'POST',
        path: '/containers/c1/attach?stream=1',
        headers: ['Host: evil.example', 'Upgrade: tcp', 'Connection: Upgrade'],
      },
      403,
    ],
    [
      'the routes of 2015, as text',
      {
        method: 'POST',
        path: '/v1.20/networks',
        headers: [host, 'Content-Type: text/plain'],
        body: '{"name":"pwned","network_type":"bridge"}',
      },
      400,
    ],
    [
      'the routes of 2015, of another origin',
      {
        method: 'POST',
        path: '/v1.20/services',
        headers: [host, json, 'Origin: http://evil.example'],
        body: '{}',
      },
      403,
    ],
  ])('refuses %s', async (_, tried, status) => {
    for (const [at, where] of [
      ['alone', port],
      ['beside an Engine', besidePort],
    ] as const) {
      expect([at, (await ask(where, tried)).status]).toEqual([at, status]);
    }
    expect((await api.call('GET', '/containers/json?all=1')).json()).toEqual([]);
    expect(engine.calls).toEqual([]);
  });

  it('refuses them on behalf of the Engine, whatever they ask of it', async () => {
    const paths = ['/v1.41/containers/c1/start', '/build', '/images/create?fromImage=x', '/session'];
    for (const path of paths) {
      for (const headers of [['Host: evil.example'], [host, 'Origin: http://evil.example']]) {
        const upgrade = path === '/session' ? ['Upgrade: h2c', 'Connection: Upgrade'] : [];
        const { status } = await ask(besidePort, { method: 'POST', path, headers: [...headers, ...upgrade] });
        expect([path, status]).toEqual([path, 403]);
      }
    }
    expect(engine.calls).toEqual([]);
  });

  it('serves what docker, docker-py and compose send', async () => {
    const call = async (tried: Try) => (await ask(port, tried)).status;
    await api.model.containers.create({ name: 'c1', image: 'x' });
    const start = { method: 'POST', path: '/v1.52/containers/c1/start' };
    expect(await call({ ...start, headers: [host] })).toBe(204);
    // docker of before 27 says text/plain of a body that is not there.
    expect(await call({ ...start, headers: [host, 'Content-Type: text/plain'] })).toBe(304);
    expect(await call({ ...create, headers: [host, json], body })).toBe(201);
    // A page that the daemon itself has served.
    const own = [host, json, 'Origin: http://127.0.0.1:2375', 'Sec-Fetch-Site: same-origin'];
    expect(await call({ ...create, path: '/containers/create?name=own', headers: own, body })).toBe(201);
    const archive = { method: 'POST', path: '/v1.52/images/create?fromSrc=-', body: 'tar' };
    expect(
      (await ask(besidePort, { ...archive, headers: [host, 'Content-Type: text/plain'] })).text,
    ).toContain('the Engine');
    for (const name of ['c1', 'pwned', 'own']) await api.call('DELETE', `/containers/${name}?force=1`);
  });

  it('asks nothing of the kind on the unix socket, which no page reaches', async () => {
    const headers = ['Host: evil.example', 'Origin: http://evil.example'];
    expect((await ask(api.socketPath, { headers })).status).toBe(200);
  });
});
