import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExecTable } from '../../../../src/api/docker/streams/exec-table.ts';
import { limitConnections } from '../../../../src/api/http/listeners/connection-limit.ts';
import { QuietLog } from '../../../../src/lib/quiet-log.ts';
import { createTestApi } from '../../../rig/api.ts';
import { RawClient } from '../../../rig/raw-http.ts';
import { until } from '../../../rig/until.ts';

const spec = { command: ['a'], env: [], workingDir: '', user: '', tty: false, attachStdin: false };
const flags = { attachStdout: true, attachStderr: true, privileged: false, detachKeys: '' };

/** One asker that takes all it can get leaves the others theirs. */
describe('shares', () => {
  let api: Awaited<ReturnType<typeof createTestApi>>;
  let clients: RawClient[] = [];

  beforeAll(async () => {
    api = await createTestApi({ programs: true });
    await api.listen();
    for (const name of ['greedy', 'other']) {
      await api.model.containers.create({ name, image: 'x', command: ['sleep', '600'] });
      await api.model.containers.start(name);
    }
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await api[Symbol.asyncDispose]();
  });

  async function open(where: string | number, path: string): Promise<string> {
    const client = await RawClient.connect(where);
    clients.push(client);
    client.request('GET', path);
    const text = await client.until((seen) => seen.includes('\r\n\r\n'));
    return text.slice(9, 12);
  }

  async function leave(): Promise<void> {
    for (const client of clients) client.destroy();
    clients = [];
  }

  it('execs of a container that nobody starts', async () => {
    const create = (name: string) => api.call('POST', `/containers/${name}/exec`, { Cmd: ['true'] });
    for (let n = 0; n < 256; n += 1) expect((await create('greedy')).status).toBe(201);
    const { status, json } = await create('greedy');
    const { id } = api.model.containers.find('greedy');
    expect(status).toBe(429);
    expect(json()).toEqual({
      message: `too many execs: container ${id} has 256 that have not ended, and one may not have more`,
    });
    expect((await create('other')).status).toBe(201);
  });

  it('execs that have ended make room, the oldest first', () => {
    const table = new ExecTable(2);
    const add = () => table.add({ containerId: 'c', spec, ...flags });
    const [first, second] = [add(), add()];
    expect(() => add()).toThrow('too many execs');
    table.begin(second);
    table.end(second, 0);
    table.begin(first);
    const third = add();
    expect(() => table.find(second.id)).toThrow('No such exec instance');
    expect([table.find(first.id).state, table.find(third.id).state]).toEqual(['running', 'created']);
    table.close();
  });

  it('event readers, by the address that they come from', async () => {
    const bound = await api.api.listen({ kind: 'tcp', host: '127.0.0.1', port: 0, tls: false });
    const port = bound.kind === 'tcp' ? bound.port : 0;
    const asTcp = async () => {
      const client = await RawClient.connect(port);
      clients.push(client);
      client.send('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return (await client.until((seen) => seen.includes('\r\n\r\n'))).slice(9, 12);
    };
    for (let n = 0; n < 256; n += 1) expect(await asTcp()).toBe('200');
    expect(await asTcp()).toBe('429');
    expect(await open(api.socketPath, '/events')).toBe('200');
    await leave();
    await until('a reader is served again', asTcp, (status) => status === '200');
    await leave();
  });

  it('clients attached to one container', async () => {
    const attach = async (name: string) => {
      const client = await RawClient.connect(api.socketPath);
      clients.push(client);
      client.upgrade(`/containers/${name}/attach?stream=1&stdout=1`);
      return (await client.until((seen) => seen.includes('\r\n\r\n'))).slice(9, 12);
    };
    for (let n = 0; n < 256; n += 1) expect(await attach('greedy')).toBe('101');
    expect(await attach('greedy')).toBe('429');
    expect(await attach('other')).toBe('101');
    await leave();
    await until(
      'a client is served again',
      () => attach('greedy'),
      (status) => status === '101',
    );
    await leave();
  });

  it('connections of one address', async () => {
    const said: string[] = [];
    const server = createServer((socket) => socket.write('hello'));
    limitConnections(server, new QuietLog((line) => said.push(line)), 2);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    const port = typeof bound === 'object' && bound ? bound.port : 0;
    const served: RawClient[] = [];
    for (let n = 0; n < 2; n += 1) {
      const client = await RawClient.connect(port);
      await client.until((text) => text === 'hello');
      served.push(client);
    }
    const third = await RawClient.connect(port);
    await third.ended;
    expect(said).toEqual([
      'closed a connection of 127.0.0.1: it has 2 open, and one address may not have more',
    ]);
    served[0]?.destroy();
    await until(
      'room for another',
      async () => {
        const client = await RawClient.connect(port);
        served.push(client);
        await Promise.race([client.ended, client.until((text) => text === 'hello')]);
        return client.text;
      },
      (text) => text === 'hello',
    );
    for (const client of served) client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
