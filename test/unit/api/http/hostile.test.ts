import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi } from '../../../rig/api.ts';
import { RawClient } from '../../../rig/raw-http.ts';

/** Calls that take a body, with one that they accept but for its parts. */
const bodies: readonly (readonly [string, Record<string, unknown>])[] = [
  [
    '/networks/create',
    { Name: 'n', Driver: 'bridge', IPAM: { Config: [{ Subnet: '10.1.0.0/24' }] }, Labels: {} },
  ],
  ['/networks/bridge/connect', { Container: 'c1', EndpointConfig: { IPAMConfig: {}, Aliases: ['a'] } }],
  ['/networks/bridge/disconnect', { Container: 'c1', Force: true }],
  [
    '/containers/create',
    { Image: 'x', Cmd: ['a'], HostConfig: { NetworkMode: 'bridge' }, NetworkingConfig: {} },
  ],
  ['/containers/c1/exec', { Cmd: ['true'], Env: [], Tty: false }],
  ['/exec/x/start', { Detach: true }],
  ['/v1.20/networks', { name: 'n', network_type: 'bridge', options: {}, ipv4_configuration: [] }],
  ['/v1.20/services', { name: 's', network_name: 'bridge', exposed_ports: [{ Proto: 6, Port: 80 }] }],
  ['/v1.23/services', { ref: 's.bridge', shared: true, my_aliases: ['a'] }],
];

const urls = [
  '/networks',
  '/networks/REF',
  '/containers/json',
  '/containers/REF/json',
  '/containers/REF/logs',
  '/images/REF/json',
  '/services',
  '/v1.20/services',
  '/v1.20/services/REF',
  '/v1.20/networks/REF/endpoints',
  '/events',
  '/fairlead/probe',
  '/fairlead/doctor',
  '/REF',
  '/vREF/networks',
];

const odd = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '..',
    '../../etc/passwd',
    '%00',
    '%zz',
    '%',
    '__proto__',
    'constructor',
    '?',
    '#',
    '/',
    '//',
    '\\',
    '',
  ),
  fc.stringMatching(/^[0-9a-f]{1,64}$/),
);

let api: Awaited<ReturnType<typeof createTestApi>>;

beforeAll(async () => {
  api = await createTestApi();
  await api.listen();
  await api.model.containers.create({ name: 'c1', image: 'x' });
});

afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

/** 501 is an answer, too: "not supported". */
const harmless = (status: number) => status < 500 || status === 501;

async function expectAlive(): Promise<void> {
  expect((await api.call('GET', '/_ping')).text).toBe('OK');
}

interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** As a client asks for it. */
  readonly path: string;
}

/** Fastify draws its routes as a tree, each part below the one that it continues. */
function routesOf(tree: string): readonly Route[] {
  const above: string[] = [];
  return tree.split('\n').flatMap((line): Route[] => {
    const [, indent = '', part = '', methods = ''] = /^([│ ]*[├└]── )(.*) \((.*)\)$/.exec(line) ?? [];
    if (part === '') return [];
    const depth = indent.length / 4;
    above.splice(depth - 1);
    // The wildcard's own line leaves out where it stands.
    above.push(part === '*' && depth === 1 ? '/engine/images/*' : part);
    const whole = above.join('');
    const path = whole.startsWith('/engine')
      ? whole.slice('/engine'.length)
      : `/v1.20${whole.slice('/experimental'.length)}`;
    return methods.split(', ').flatMap((name) => {
      const method = (['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const).find((known) => known === name);
      return method ? [{ method, path }] : [];
    });
  });
}

describe('hostile input never harms the daemon', () => {
  it('bodies with any value in any place (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...bodies),
        fc.jsonValue(),
        fc.nat(9),
        async ([url, body], value, nth) => {
          const members = Object.keys(body);
          const member = members[nth % members.length] ?? '';
          const answer = await api.call('POST', url, { ...body, [member]: value });
          expect([url, member, answer.status, answer.text]).toSatisfy(() => harmless(answer.status));
        },
      ),
      { numRuns: 300 },
    );
    await expectAlive();
  });

  it('bodies that are no JSON (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...bodies),
        fc.string({ unit: 'binary' }),
        fc.nat(),
        async ([url, body], junk, at) => {
          const text = JSON.stringify(body);
          const cut = at % text.length;
          for (const broken of [junk, text.slice(0, cut), text.slice(0, cut) + junk + text.slice(cut)]) {
            const answer = await api.call('POST', url, broken);
            expect([url, broken, answer.status, answer.text]).toSatisfy(() => harmless(answer.status));
          }
        },
      ),
      { numRuns: 150 },
    );
    await expectAlive();
  });

  it('paths and queries (property)', async () => {
    const methods = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD');
    const parameters = fc.constantFrom(
      'filters',
      'name',
      'partial-id',
      'limit',
      'since',
      'until',
      't',
      'tail',
      'ref',
      'all',
    );
    await fc.assert(
      fc.asyncProperty(
        methods,
        fc.constantFrom(...urls),
        odd,
        parameters,
        odd,
        async (method, url, ref, name, value) => {
          // An event stream without an end would be waited for.
          if (url === '/events' && method === 'GET') return;
          const path = `${url.replace('REF', encodeURIComponent(ref))}?${name}=${encodeURIComponent(value)}`;
          const answer = await api.call(method, path);
          expect([path, answer.status, answer.text]).toSatisfy(() => harmless(answer.status));
        },
      ),
      { numRuns: 500 },
    );
    await expectAlive();
  });

  it('every route there is, with odd names, queries and bodies (property)', async () => {
    const routes = routesOf(api.api.app.printRoutes({ commonPrefix: false }));
    // All of the Engine's, of 2015's and ours: a reading of the list that finds less would prove little.
    expect(routes.length).toBeGreaterThan(110);
    // A stream that does not end would be waited for.
    const asked = routes.filter(({ path }) => !/\/(events|watch|wait)$/.test(path));
    const text = fc.oneof(odd, fc.constantFrom('c1', 'bridge', 's', 'n'));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...asked),
        fc.array(text, { minLength: 4, maxLength: 4 }),
        fc.constantFrom(
          'filters',
          'name',
          't',
          'h',
          'signal',
          'condition',
          'ps_args',
          'until',
          'force',
          'size',
        ),
        fc.oneof(fc.jsonValue(), fc.object(), fc.string({ unit: 'binary' })),
        async ({ method, path }, [first = '', ...names], parameter, body) => {
          const url = path.replace(/:\w+|\*/g, () => encodeURIComponent(names.shift() ?? 'x') || 'x');
          const query = `?${parameter}=${encodeURIComponent(first)}`;
          const answer = await api.call(method, `${url}${query}`, method === 'GET' ? undefined : body);
          const swarm = answer.status === 503 && answer.text.includes('not a swarm manager');
          expect([method, url, answer.status, answer.text]).toSatisfy(() => swarm || harmless(answer.status));
        },
      ),
      { numRuns: 1000 },
    );
    await expectAlive();
  });

  it.each([
    ['blank', ' ', 400, 'invalid JSON: got EOF while reading request body'],
    ['an open brace', '{', 400, 'invalid JSON: unexpected EOF'],
    ['no JSON', 'nonsense', 400, "invalid JSON: invalid character 'o' in literal null (expecting 'u')"],
    ['a list', '[]', 400, 'invalid JSON: json: cannot unmarshal array into Go value of type '],
    ['a string', '"x"', 400, 'invalid JSON: json: cannot unmarshal string into Go value of type '],
    ['more than one value', '{} {}', 400, 'unexpected content after JSON'],
    ['too much', 'x'.repeat(3_000_000), 413, 'Request body is too large'],
  ])('a body that is %s', async (_, payload, status, message) => {
    const taking = ['/networks/create', '/networks/bridge/connect', '/networks/bridge/disconnect'];
    for (const url of [...taking, '/containers/create', '/containers/c1/exec', '/containers/c1/update']) {
      const headers = { 'content-type': 'application/json' };
      const answer = await api.api.app.inject({ method: 'POST', url, payload, headers });
      expect([url, answer.statusCode]).toEqual([url, status]);
      expect(answer.json().message.slice(0, message.length)).toBe(message);
    }
  });

  it('unknown members are no harm, nor are wrong types in members that mean nothing here', async () => {
    const body = { Image: 'x', Bogus: { a: [1] }, HostConfig: { ContainerIDFile: 7 }, Shell: 'x' };
    expect((await api.call('POST', '/containers/create?name=bogus', body)).status).toBe(201);
    expect((await api.call('GET', '/containers/bogus/json')).status).toBe(200);
    expect((await api.call('DELETE', '/containers/bogus')).status).toBe(204);
  });

  it('raw paths, as a client may send them that does not encode', async () => {
    const paths = [
      '/networks/%zz',
      '/networks/%',
      '/../../etc/passwd',
      '//networks',
      '/networks/../info',
      '/engine/info',
      '/experimental/services',
      '/v1.20/../engine/info',
      '/networks/%2e%2e',
      '/v1.44',
      '/v1.44/',
      '/v99999999.1/info',
      '*',
    ];
    for (const path of paths) {
      const client = await RawClient.connect(api.socketPath);
      client.request('GET', path, '', ['Connection: close']);
      await client.ended;
      const status = Number(client.text.split(' ')[1]);
      expect([path, status]).toSatisfy(() => status >= 400 && status < 500);
      client.destroy();
    }
    await expectAlive();
  });

  it('requests that are none, headers without end, bodies that never come', async () => {
    const requests = [
      'hello\r\n\r\n',
      `GET /info HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
      'POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      'POST /networks/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n',
      'POST /exec/x/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 99999999\r\n\r\n',
      'POST /exec/x/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ];
    for (const request of requests) {
      const client = await RawClient.connect(api.socketPath);
      client.send(request);
      await client.ended;
      expect([request.slice(0, 60), client.text.split(' ')[1]]).toEqual([
        request.slice(0, 60),
        expect.stringMatching(/^4/),
      ]);
      client.destroy();
    }
    const silent = await RawClient.connect(api.socketPath);
    silent.send('POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{');
    await expectAlive();
    silent.destroy();
  });
});
