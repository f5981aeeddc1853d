import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { apiVersion, dialectOf, splitVersion } from '../../../src/api/http/version.ts';
import { createTestApi } from '../../rig/api.ts';
import { type OpenApi, type Operation, problemsOf, readOpenApi } from '../../rig/openapi.ts';

type TestApi = Awaited<ReturnType<typeof createTestApi>>;

let openApi: OpenApi;
beforeAll(async () => {
  openApi = await readOpenApi();
});

describe('docs/openapi.yaml', () => {
  it('is a valid description, of the version that the daemon speaks', async () => {
    const validator = new Validator();
    expect(await validator.validate(openApi.text)).toEqual({ valid: true });
    expect([validator.version, openApi.version]).toEqual(['3.1', apiVersion]);
  });

  it('names each operation once, and each part of its path', () => {
    const ids = openApi.operations.map(({ id }) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
    for (const { path, pathParameters } of openApi.operations) {
      expect({ path, parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name) }).toEqual({
        path,
        parameters: pathParameters,
      });
    }
  });

  it('has no schema that cannot be read, and no part that nothing links to', () => {
    for (const { request, responses } of openApi.operations) {
      for (const { schema } of [request ?? {}, ...Object.values(responses)].flatMap(Object.values)) {
        expect(() => openApi.unfit(schema, null)).not.toThrow();
      }
    }
    expect(openApi.parts.filter((part) => !new RegExp(`${part}["'/]`).test(openApi.text))).toEqual([]);
  });

  it('describes every route, and nothing else', async () => {
    const routes = await routesOfDaemon();
    const described = openApi.operations.map(routeOf);
    const behind = (route: string) => behindWildcards[route] ?? [route];
    expect(described.toSorted()).toEqual(routes.flatMap(behind).toSorted());
  });
});

/** Paths of images and plugins hold names with slashes: Fairlead itself takes them apart. */
const behindWildcards: Readonly<Record<string, readonly string[]>> = {
  'GET /engine/images/*': ['json', 'history', 'get'].map((what) => `GET /engine/images/:name/${what}`),
  'POST /engine/images/*': ['tag', 'push'].map((what) => `POST /engine/images/:name/${what}`),
  'DELETE /engine/images/*': ['DELETE /engine/images/:name'],
  'GET /engine/plugins/*': ['GET /engine/plugins/:name/json'],
  'POST /engine/plugins/*': [
    ...['pull', 'create'].map((what) => `POST /engine/plugins/${what}`),
    ...['enable', 'disable', 'upgrade', 'push', 'set'].map((what) => `POST /engine/plugins/:name/${what}`),
  ],
  'DELETE /engine/plugins/*': ['DELETE /engine/plugins/:name'],
  'GET /engine/distribution/*': ['GET /engine/distribution/:name/json'],
};

/** Where the daemon takes a described path, its version looked at. */
function routeOf({ method, path }: Operation): string {
  const { version, path: rest } = splitVersion(path);
  return `${method} /${dialectOf(method, rest, version)}${rest.replace(/\{(\w+)\}/g, ':$1')}`;
}

/** Fastify tells of each instance before it has routes. */
async function routesOfDaemon(): Promise<readonly string[]> {
  const routes: string[] = [];
  const created = z.object({ fastify: z.custom<FastifyInstance>((value) => typeof value === 'object') });
  const note = (message: unknown) =>
    created.parse(message).fastify.addHook('onRoute', ({ method, url }) => {
      routes.push(...[method].flat().map((one) => `${one} ${url}`));
    });
  subscribe('fastify.initialization', note);
  try {
    await using _api = await createTestApi();
    return routes;
  } finally {
    unsubscribe('fastify.initialization', note);
  }
}

/** Of calls, with what their answer must be; each answer is held to the description besides. */
interface Call {
  /** What stands for `{name}` in the path. */
  readonly names?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
}

async function send(api: TestApi, operation: Operation, { names = {}, query = '', body }: Call = {}) {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => names[name] ?? 'c1');
  const method = z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']).parse(operation.method);
  const { status, headers, text: payload } = await api.call(method, `${path}${query}`, body);
  // A server leaves it out; light-my-request 6.6 does not.
  const text = method === 'HEAD' ? '' : payload;
  const contentType = String(headers['content-type'] ?? '');
  const problems = problemsOf(openApi, operation, { status, contentType, text });
  expect({ id: operation.id, problems }).toEqual({ id: operation.id, problems: [] });
  return { status, text };
}

/** The same of one that succeeds, its body held to the description, too. Returns the JSON. */
async function succeed(api: TestApi, id: string, call: Call = {}): Promise<unknown> {
  const operation = operationOf(id);
  if (call.body !== undefined) {
    const problems = openApi.unfit(operation.request?.['application/json']?.schema, call.body);
    expect({ id, problems }).toEqual({ id, problems: [] });
  }
  const { status, text } = await send(api, operation, call);
  expect({ id, status, text }).toEqual({ id, status: expect.toSatisfy((code) => code < 400), text });
  return /^[[{"n]/.test(text) ? JSON.parse(text) : text;
}

function operationOf(id: string): Operation {
  const operation = openApi.operations.find((one) => one.id === id);
  if (!operation) throw new Error(`no operation ${id}`);
  return operation;
}

describe('answers are as described', () => {
  let api: TestApi;
  let service: string;
  let network: string;
  beforeAll(async () => {
    api = await createTestApi();
    await succeed(api, 'NetworkCreate', {
      body: {
        Name: 'foo',
        IPAM: { Config: [{ Subnet: '10.4.0.0/24', AuxiliaryAddresses: { tv: '10.4.0.9' } }] },
      },
    });
    for (const name of ['c1', 'c2']) {
      const body = { Image: 'busybox', HostConfig: { NetworkMode: 'foo' } };
      await succeed(api, 'ContainerCreate', { query: `?name=${name}`, body });
      await succeed(api, 'ContainerStart', { names: { ref: name } });
    }
    const body = {
      name: 'db',
      network_name: 'foo',
      my_aliases: ['pg'],
      exposed_ports: [{ Proto: 6, Port: 5432 }],
    };
    service = String(await succeed(api, 'publishService', { body }));
    await succeed(api, 'attachBackend', { names: { id: service }, body: { container_id: 'c1' } });
    network = api.model.networks.find('foo').id;
  });
  afterAll(() => api[Symbol.asyncDispose]());

  it('of services', async () => {
    const names = { id: service };
    expect(await succeed(api, 'listServices')).toMatchObject([{ name: 'db', aliases: ['pg'] }]);
    expect(await succeed(api, 'listServices', { query: '?all=1&network=foo' })).toHaveLength(3);
    expect(await succeed(api, 'listServices', { query: '?name=nope' })).toBeNull();
    expect(await succeed(api, 'listServices', { query: '?brief=1' })).toMatch(
      /^[0-9a-f]{12}\tdb\tfoo\t[0-9a-f]{12}\n$/,
    );
    expect(await succeed(api, 'inspectService', { names })).toMatchObject({
      providers: [{ container_name: 'c1' }],
    });
    expect(await succeed(api, 'listBackends', { names })).toHaveLength(1);
    expect(await succeed(api, 'listSandboxes')).toHaveLength(2);
    expect(await succeed(api, 'ServiceList')).toMatchObject([{ Spec: { Name: 'db.foo' } }]);
    expect(await succeed(api, 'ServiceInspect', { names })).toMatchObject({ ID: service });
  });

  it('of networks, in both of their shapes', async () => {
    const names = { id: network, ref: 'foo' };
    expect(await succeed(api, 'NetworkList')).toHaveLength(4);
    expect(await succeed(api, 'NetworkListSlash')).toHaveLength(4);
    const { Containers } = Object(await succeed(api, 'NetworkInspect', { names }));
    expect(Object.keys(Containers)).toHaveLength(3);
    expect(await succeed(api, 'listNetworks2015')).toHaveLength(4);
    expect(await succeed(api, 'inspectNetwork2015', { names })).toMatchObject({ type: 'bridge' });
    expect(await succeed(api, 'listEndpoints', { names })).toHaveLength(3);
    const made = await succeed(api, 'createEndpoint', { names, body: { name: 's2', shared: true } });
    const endpoint = { ...names, endpoint: String(made), container: 'c2' };
    await succeed(api, 'joinSandbox', { names: endpoint, body: { sandbox_id: 'c2' } });
    expect(await succeed(api, 'inspectEndpoint', { names: endpoint })).toMatchObject({ shared: true });
    await succeed(api, 'leaveSandbox', { names: endpoint });
    await succeed(api, 'joinContainer', { names: endpoint, body: { container_id: 'c2' } });
    await succeed(api, 'deleteEndpoint', { names: endpoint, body: { force: true } });
    const body = {
      name: 'bar',
      network_type: 'bridge',
      ipv4_configuration: [{ PreferredPool: '10.5.0.0/24' }],
    };
    const bar = String(await succeed(api, 'createNetwork2015', { body }));
    await succeed(api, 'NetworkConnect', {
      names: { ref: 'bar' },
      body: { Container: 'c2', EndpointConfig: { Aliases: ['x'] } },
    });
    await succeed(api, 'NetworkDisconnect', {
      names: { ref: 'bar' },
      body: { Container: 'c2', Force: true },
    });
    await succeed(api, 'deleteNetwork2015', { names: { id: bar } });
    expect(await succeed(api, 'NetworkPrune')).toEqual({ NetworksDeleted: null });
  });

  it('of apps', async () => {
    const names = { app: 'shop' };
    await succeed(api, 'createApp', { body: { name: 'shop' } });
    const process = { type: 'web', image: 'nginx', env: ['A=1'], ports: [80], dnsPolicy: 'sticky' };
    await succeed(api, 'setAppProcess', { names, body: process });
    const property = { property: 'initial-network', values: ['foo'] };
    expect(await succeed(api, 'setAppNetwork', { names, body: property })).toEqual({ value: 'foo' });
    await succeed(api, 'rebuildApp', { names });
    await succeed(api, 'scaleApp', { names, body: { scale: { web: 2 } } });
    expect(await succeed(api, 'listApps')).toMatchObject([
      { name: 'shop', properties: { 'initial-network': 'foo' } },
    ]);
    expect(await succeed(api, 'inspectApp', { names })).toMatchObject({
      deployed: true,
      containers: [{}, {}],
    });
    expect(await succeed(api, 'listAppNames', { names })).toMatchObject([
      { name: 'shop.web', network: 'foo' },
    ]);
    expect(await succeed(api, 'reportAppNetwork', { names })).toMatchObject({
      'network-initial-network': 'foo',
    });
    expect(await succeed(api, 'reportAppNetwork', { names: { app: '--global' } })).toMatchObject({
      'network-global-tld': '',
    });
    expect(await succeed(api, 'rebuildAppNetwork', { names })).toMatchObject({ failed: 0 });
    await succeed(api, 'runApp', { names, body: { command: ['true'] } });
    await succeed(api, 'destroyApp', { names });
  });

  it('of what Fairlead tells of itself', async () => {
    const probe = (name: string) => succeed(api, 'probe', { query: `?container=c2&name=${name}` });
    expect(await probe('db')).toMatchObject({ verdict: 'answered', answers: [{ owner: 'service db' }] });
    expect(await probe('nope')).toMatchObject({ verdict: 'no-such-name', answers: [] });
    expect(await succeed(api, 'dumpDns')).toMatchObject({
      networks: expect.arrayContaining([expect.objectContaining({ name: 'foo' })]),
    });
    expect(await succeed(api, 'resyncDns')).toEqual({ added: [], removed: [] });
    expect(await succeed(api, 'examine', { query: '?network=foo' })).toMatchObject({ findings: [] });
    expect(await succeed(api, 'repair')).toMatchObject({ findings: [] });
    expect(await succeed(api, 'listNodes')).toMatchObject([{ self: true }]);
    expect(await succeed(api, 'listNodes', { query: '?all=1' })).toHaveLength(1);
    for (const query of ['', '?complete=1', '?network=foo'])
      expect(await succeed(api, 'topology', { query })).toMatchObject({
        services: [{ name: 'db' }],
        endpoints: expect.arrayContaining([expect.objectContaining({ containerName: 'c1' })]),
      });
    expect(await succeed(api, 'watch', { query: '?until=1' })).toMatch(/^id: .*\nevent: snapshot\ndata: \{/);
    expect(await succeed(api, 'metrics')).toContain('fairlead_networks{scope="local"}');
    expect(await succeed(api, 'SystemInfo')).toMatchObject({ Fairlead: { mode: 'simulated' } });
    await succeed(api, 'SystemVersion');
  });

  it('of events', async () => {
    const query = `?since=0&until=${Date.now() / 1000}&filters={"type":["service"]}`;
    const { text } = await send(api, operationOf('SystemEvents'), { query: encodeURI(query) });
    const actions = text
      .split('\n')
      .filter(Boolean)
      .map((line) => Object(JSON.parse(line)).Action);
    expect(actions).toEqual(expect.arrayContaining(['publish', 'attach']));
  });

  it('of every call, also where it is refused', async () => {
    const offered = openApi.operations.filter(({ tags }) => !tags.includes('not offered'));
    for (const operation of offered) {
      const { text } = await send(api, operation, { query: '?until=1&fromImage=busybox' });
      expect({ id: operation.id, text }).not.toMatchObject({
        text: expect.stringMatching(/not supported by Fairlead|swarm manager/),
      });
    }
  });
});

it('calls that are tagged `not offered` fail, whatever is there', async () => {
  await using api = await createTestApi();
  await succeed(api, 'ContainerCreate', { query: '?name=c1', body: { Image: 'c1' } });
  for (const operation of openApi.operations.filter(({ tags }) => tags.includes('not offered'))) {
    const { status } = await send(api, operation);
    expect([operation.id, Object.keys(operation.responses).at(-1)]).toEqual([operation.id, String(status)]);
    expect([501, 503]).toContain(status);
  }
});
