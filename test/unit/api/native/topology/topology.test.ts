import { get } from 'node:http';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Fairlead, type FakeNode, startFairlead } from '../../../../../src/testing/index.ts';
import { until } from '../../../../rig/until.ts';

type Target = Pick<FakeNode, 'socketPath'>;
type Headers = Readonly<Record<string, string>>;

async function ask(
  { socketPath }: Target,
  method: string,
  path: string,
  body?: object,
  headers: Headers = {},
) {
  const { request } = await import('node:http');
  return await new Promise<{ status: number; text: string; etag: string }>((resolve, reject) => {
    const call = request({
      socketPath,
      method,
      path,
      headers: { ...headers, 'content-type': 'application/json' },
    });
    call.on('error', reject);
    call.on('response', (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, etag: String(response.headers.etag) }),
      );
    });
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function post(target: Target, path: string, body: object): Promise<string> {
  const { status, text } = await ask(target, 'POST', path, body);
  expect([path, status < 300, text]).toEqual([path, true, text]);
  return text;
}

async function run(target: Target, name: string, net: string): Promise<void> {
  const host = { Image: 'busybox', HostConfig: { NetworkMode: net } };
  await post(target, `/containers/create?name=${name}`, host);
  await post(target, `/containers/${name}/start`, {});
}

const topology = async (target: Target, query = '') =>
  JSON.parse((await ask(target, 'GET', `/fairlead/topology${query}`)).text);

/** A cluster of two: `shared` is overlay, and only node2 takes part in it. */
async function cluster(): Promise<Fairlead & { readonly second: FakeNode }> {
  const f = await startFairlead({ nodes: 2 });
  const [, second] = f.nodes;
  if (!second) throw new Error('two nodes were asked for');
  await post(second, '/networks/create', {
    ...{ Name: 'shared', Driver: 'overlay' },
    IPAM: { Config: [{ Subnet: '10.9.0.0/24' }] },
  });
  const db = JSON.parse(await post(second, '/v1.23/services', { name: 'db', network_name: 'shared' }));
  await run(second, 'pg1', 'shared');
  await post(second, `/v1.23/services/${db}/backend`, { container_id: 'pg1' });
  return Object.assign(f, { second });
}

interface Place {
  readonly id: string;
  readonly name: string;
  readonly containerName: string;
  readonly nodeName: string;
}

const placesOf = (endpoints: readonly Place[]) =>
  endpoints.map(({ name, containerName, nodeName }) => `${name}: ${containerName} on ${nodeName}`).sort();
const db = (endpoints: readonly Place[]) => endpoints.find(({ name }) => name === 'db')?.id;

const message = z.object({ id: z.string(), event: z.string(), data: z.string() });

/** Reads server-sent events as they come. */
async function watch({ socketPath }: Target, headers: Headers = {}) {
  const seen: z.infer<typeof message>[] = [];
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) =>
    get({ socketPath, path: '/fairlead/watch', headers }, resolve).on('error', reject),
  );
  const fields = new Map<string, string>();
  const lines = createInterface({ input: response });
  response.on('error', () => {});
  lines.on('error', () => {});
  lines.on('line', (line) => {
    if (line === '') {
      seen.push(message.parse(Object.fromEntries(fields)));
      fields.clear();
    } else fields.set(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2));
  });
  return {
    seen,
    type: response.headers['content-type'],
    told: () => seen.map(({ event, data }) => told(event, JSON.parse(data))),
    close: () => response.destroy(),
  };
}

function told(event: string, data: Record<string, { name?: string } | string>): string {
  const object = Object(data[event] ?? {});
  return event === 'snapshot' ? event : `${event} ${data.action} ${object.name}`;
}

describe('GET /fairlead/topology', () => {
  it('tells nodes, networks, services and endpoints with names; 304 while nothing changes', async () => {
    await using f = await startFairlead();
    await post(f, '/networks/create', { Name: 'foo', IPAM: { Config: [{ Subnet: '10.4.0.0/29' }] } });
    await run(f, 'c1', 'foo');
    const { etag, text } = await ask(f, 'GET', '/fairlead/topology');
    const all = JSON.parse(text);
    expect(all.nodes).toMatchObject([{ name: 'node1', state: 'alive', self: true, id: all.self }]);
    const foo = all.networks.find(({ name }: { name: string }) => name === 'foo');
    expect(foo).toMatchObject({ driver: 'bridge', scope: 'local', endpoints: 'known' });
    expect(foo.subnets).toEqual([{ subnet: '10.4.0.0/29', gateway: '10.4.0.1', inUse: 4, available: 4 }]);
    expect(all.endpoints).toMatchObject([
      { containerName: 'c1', nodeName: 'node1', network: foo.id, ipv4: '10.4.0.2/29', healthy: true },
    ]);
    const same = await ask(f, 'GET', '/fairlead/topology', undefined, { 'if-none-match': `W/${etag}, "x"` });
    expect([same.status, same.text, same.etag]).toEqual([304, '', etag]);
    await run(f, 'c2', 'foo');
    const other = await ask(f, 'GET', '/fairlead/topology', undefined, { 'if-none-match': etag });
    expect([other.status, other.etag === etag]).toEqual([200, false]);
  });

  it('marks what this node does not follow, and reads it when it is asked for', async () => {
    await using f = await cluster();
    const marked = await topology(f);
    const shared = marked.networks.find(({ name }: { name: string }) => name === 'shared');
    expect([shared.endpoints, shared.subnets]).toEqual([
      'unknown',
      [{ subnet: '10.9.0.0/24', gateway: '10.9.0.1' }],
    ]);
    expect(marked.endpoints).toEqual([]);
    for (const query of ['?complete=1', '?network=shared']) {
      const { networks, services, endpoints } = await topology(f, query);
      expect(placesOf(endpoints)).toEqual(['db: pg1 on node2', 'pg1: pg1 on node2']);
      expect(services).toMatchObject([{ name: 'db', kind: 'exclusive', providers: [db(endpoints)] }]);
      expect(networks.find(({ name }: { name: string }) => name === 'shared')).toMatchObject({
        endpoints: 'known',
        subnets: [{ inUse: 5, available: 251 }],
      });
    }
    f.store.away();
    const away = await topology(f, '?network=shared');
    expect([away.networks[0].endpoints, away.services.length]).toEqual(['unknown', 1]);
  });

  it('a network that is not there is 404', async () => {
    await using f = await startFairlead();
    const { status, text } = await ask(f, 'GET', '/fairlead/topology?network=nope');
    expect([status, text]).toEqual([404, '{"message":"network nope not found"}\n']);
  });
});

describe('GET /fairlead/watch', () => {
  it('tells of the whole cluster, whatever this node takes part in', async () => {
    await using f = await cluster();
    const reader = await watch(f);
    expect(reader.type).toBe('text/event-stream');
    await until('the snapshot', () => reader.seen.length === 1);
    const snapshot = JSON.parse(reader.seen[0]?.data ?? '');
    expect(placesOf(snapshot.endpoints)).toEqual(['db: pg1 on node2', 'pg1: pg1 on node2']);
    await run(f.second, 'app', 'shared');
    await until('the endpoint', () => reader.told().includes('endpoint created app'));
    await ask(f.second, 'DELETE', '/containers/app?force=1');
    await until('it goes', () => reader.told().includes('endpoint removed app'));
    await post(f.second, '/networks/create', { Name: 'more', Driver: 'overlay' });
    await until('the network', () => reader.told().includes('network created more'));
    expect(reader.told()).toEqual([
      'snapshot',
      'endpoint created app',
      'endpoint removed app',
      'network created more',
    ]);
    reader.close();
  });

  it('a node that dies is lost, for a day; one that comes back has joined', async () => {
    await using f = await cluster();
    const reader = await watch(f);
    await until('the snapshot', () => reader.seen.length === 1);
    await f.second.die();
    await f.clock.advance('20s');
    await until('it is lost', () => reader.told().includes('node lost node2'));
    expect(reader.told()).toContain('endpoint removed pg1');
    const { nodes } = await topology(f);
    expect(nodes).toMatchObject([
      { name: 'node1', state: 'alive' },
      { name: 'node2', state: 'lost' },
    ]);
    expect(nodes[1].lastSeen).toMatch(/^\d{4}-.*Z$/);
    expect(JSON.parse((await ask(f, 'GET', '/fairlead/nodes')).text)).toHaveLength(1);
    expect(JSON.parse((await ask(f, 'GET', '/fairlead/nodes?all=1')).text)).toMatchObject([
      { name: 'node1' },
      { name: 'node2', state: 'lost' },
    ]);
    await f.clock.advance('23h');
    expect((await topology(f)).nodes).toHaveLength(2);
    await f.clock.advance('2h');
    expect((await topology(f)).nodes).toHaveLength(1);
    await f.second.revive();
    await until('it is back', () => reader.told().includes('node joined node2'));
    expect((await topology(f)).nodes).toMatchObject([{ state: 'alive' }, { state: 'alive' }]);
    reader.close();
  });

  it('another node tells of a lost one after it was started anew itself', async () => {
    await using f = await startFairlead({ nodes: 3 });
    const [first, second, third] = f.nodes;
    if (!first || !second || !third) throw new Error('three nodes were asked for');
    await third.die();
    await f.clock.advance('20s');
    await until('it is written', async () => (await topology(second)).nodes.length === 3);
    await second.die();
    await second.revive();
    await until('it is remembered', async () =>
      (await topology(second)).nodes.some(({ state }: { state: string }) => state === 'lost'),
    );
    await third.revive();
    for (const node of [first, second])
      await until('it is taken back', async () =>
        (await topology(node)).nodes.every(({ state }: { state: string }) => state === 'alive'),
      );
  });

  it('goes on after Last-Event-ID, and begins anew with a snapshot after a restart of the daemon', async () => {
    await using f = await cluster();
    const reader = await watch(f);
    await until('the snapshot', () => reader.seen.length === 1);
    await run(f, 'c-a', 'bridge');
    await until('c-a', () => reader.told().includes('endpoint created c-a'));
    reader.close();
    await run(f, 'c-b', 'bridge');
    const last = reader.seen.at(-1)?.id ?? '';
    const again = await watch(f, { 'last-event-id': last });
    await run(f, 'c-c', 'bridge');
    await until('c-c', () => again.told().includes('endpoint created c-c'));
    expect(again.told()).toEqual(['endpoint created c-b', 'endpoint created c-c']);
    const [node] = f.nodes;
    await node?.die();
    await node?.revive();
    await run(f, 'c-d', 'bridge');
    const third = await watch(f, { 'last-event-id': again.seen.at(-1)?.id ?? '' });
    await until('the snapshot', () => third.seen.length === 1);
    const names = JSON.parse(third.seen[0]?.data ?? '').endpoints.map(
      ({ containerName }: { containerName: string }) => containerName,
    );
    expect(names).toContain('c-d');
    third.close();
    again.close();
  });
});
