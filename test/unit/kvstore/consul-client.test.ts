import assert from 'node:assert/strict';
import { EventEmitter, getEventListeners, once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { ConsulClient } from '../../../kvstore/consul/client.ts';
import { parseStoreOptions } from '../../../kvstore/remote/options.ts';
import { parseStoreSpec } from '../../../kvstore/remote/spec.ts';

/** What a Consul does that fails; what a sound one does is in test/contract/store-consul.test.ts. */
const secret = 'flt-secret-77aa';
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function clientOf(listener: RequestListener, host = '127.0.0.1'): Promise<ConsulClient> {
  const server = createServer(listener).listen(0, host.replace(/[[\]]/g, ''));
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  const options = parseStoreOptions('consul', { token: secret, namespace: 'team-a' });
  const client = new ConsulClient(parseStoreSpec(`consul:${host}:${address.port}`), options);
  closing.push(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  return client;
}

function get(client: ConsulClient, limits: Parameters<ConsulClient['ask']>[1] = {}) {
  return client.ask(({ kv }, ctx) => kv.get({ key: 'a/b', recurse: true, ctx }), limits);
}

const silence = 150;

describe('an answer of Consul', () => {
  it('is asked for with the token and the namespace, of an IPv6 address as well', async () => {
    const asked: IncomingMessage[] = [];
    const client = await clientOf((request, response) => {
      asked.push(request);
      response.setHeader('X-Consul-Index', '42').setHeader('Content-Type', 'application/json').end('[]');
    }, '[::1]');
    expect(await get(client)).toMatchObject({ status: 200, index: 42, body: undefined });
    expect(
      asked.map(({ url, headers }) => [url, headers['x-consul-token'], headers['x-consul-namespace']]),
    ).toEqual([['/v1/kv/a%2Fb?recurse=true', secret, 'team-a']]);
  });

  it('that breaks off rejects at once', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('[');
      setImmediate(() => response.socket?.end());
    });
    await expect(get(client)).rejects.toThrow('the connection was lost');
  });

  it('that does not begin, or stops coming, rejects after the silence', async () => {
    const client = await clientOf((request, response) => {
      if (request.url?.includes('recurse')) response.writeHead(200).write('[');
    });
    await expect(get(client, { silence })).rejects.toThrow('no answer in time');
    const beginning = client.ask(({ kv }, ctx) => kv.get({ key: 'a', ctx }), { silence });
    await expect(beginning).rejects.toThrow('no answer in time');
  });

  it('that takes long may, as long as it comes', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      let left = 12;
      const more = setInterval(() => {
        if (left-- > 0) response.write(' ');
        else response.end('[]', () => clearInterval(more));
      }, silence / 8);
    });
    const { status, transfer } = await get(client, { silence });
    expect(status).toBe(200);
    expect(transfer).toBeGreaterThan(silence);
  });

  it.each([
    [403, 'rpc error', 'permission denied: check the token in --kv-store-opt'],
    [500, 'No cluster leader\n', '500 No cluster leader'],
    [500, `${'long '.repeat(30)}`, `500 ${'long '.repeat(30).trim()}`],
  ])(
    'of status %i is an error in words, without the request that holds the token',
    async (status, text, message) => {
      const client = await clientOf((_, response) => {
        response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
      });
      const error = await get(client).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ message });
      expect(inspect(error, { depth: 12, showHidden: true })).not.toContain(secret);
    },
  );

  it('that says no otherwise is an answer', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(409, { 'content-type': 'application/json' }).end('{"Errors":[]}');
    });
    expect(await get(client)).toMatchObject({ status: 409, body: { Errors: [] } });
  });
});

describe('a question to Consul', () => {
  it('that is given up ends on the wire as well', async () => {
    const connections = new EventEmitter();
    const [asked, closed] = [once(connections, 'asked'), once(connections, 'closed')];
    const client = await clientOf((request) => {
      request.socket.once('close', () => connections.emit('closed'));
      connections.emit('asked');
    });
    const leaving = new AbortController();
    const answer = get(client, { signal: leaving.signal });
    await asked;
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await closed;
    await expect(get(client, { signal: leaving.signal })).rejects.toThrow();
  });

  it('leaves no listener on the signal of its watch, however it ends', async () => {
    let count = 0;
    const client = await clientOf((_, response) => {
      count += 1;
      response.writeHead(count % 2 ? 200 : 500, { 'content-type': 'application/json' }).end('[]');
    });
    const { signal } = new AbortController();
    for (let round = 0; round < 20; round++) await get(client, { signal }).catch(() => {});
    expect(count).toBe(20);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('to a server that is not there names what failed, in one line', async () => {
    const client = new ConsulClient(parseStoreSpec('consul:127.0.0.1:1'), parseStoreOptions('consul', {}));
    closing.push(() => client.close());
    await expect(get(client)).rejects.toThrow(/^connect ECONNREFUSED 127\.0\.0\.1:1$/);
  });
});
