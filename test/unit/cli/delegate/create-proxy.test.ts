import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CreateProxy } from '../../../../src/cli/delegate/create-proxy.ts';
import { takeServices } from '../../../../src/cli/delegate/run-words.ts';
import { startFakeEngine } from '../../../rig/fake-engine.ts';
import { RawClient } from '../../../rig/raw-http.ts';
import { until } from '../../../rig/until.ts';

describe('the words of a run', () => {
  const taken = (line: string) => {
    const found = takeServices(line.split(' '));
    return found && [found.services.join(' '), found.rest.join(' ')];
  };

  it.each([
    ['run --publish-service db.mh busybox', 'db.mh', 'run busybox'],
    ['run --publish-service=db.mh -d busybox', 'db.mh', 'run -d busybox'],
    [
      'run -itd --publish-service a --name x --publish-service b.c busybox sh',
      'a b.c',
      'run -itd --name x busybox sh',
    ],
    ['container create -p 80:80 --publish-service db busybox', 'db', 'container create -p 80:80 busybox'],
    [
      'RUN -p80:80 -eA=b --memory 5m --rm --publish-service db busybox',
      'db',
      'RUN -p80:80 -eA=b --memory 5m --rm busybox',
    ],
    [
      'run -it -v /a:/b --new-flag x --publish-service db busybox',
      'db',
      'run -it -v /a:/b --new-flag x busybox',
    ],
    ['run -dp 80 --publish-service db busybox', 'db', 'run -dp 80 busybox'],
  ])('%s', (line, services, rest) => {
    expect(taken(line)).toEqual([services, rest]);
  });

  it.each([
    'run busybox echo --publish-service db',
    'run --name --publish-service busybox',
    'run -- --publish-service db',
    'run -e --publish-service=x busybox',
  ])('what is not the flag stays: %s', (line) => {
    expect(taken(line)).toEqual(['', line]);
  });

  it.each(['ps', 'exec --publish-service x', 'container ls', 'network create run'])('none: %s', (line) => {
    expect(taken(line)).toBeUndefined();
  });

  it('a flag without its value is an error', () => {
    expect(() => taken('run --publish-service')).toThrow('flag needs an argument: --publish-service');
  });
});

describe('the socket that the real docker is given', () => {
  const id = 'a'.repeat(64);

  async function between(startStatus: number) {
    const engine = await startFakeEngine({
      answer: (_request, response) => response.writeHead(startStatus).end(),
    });
    const fairlead = await startFakeEngine({
      answer: (_request, response) =>
        response.writeHead(201, { 'Fairlead-Published': 's1' }).end(JSON.stringify({ Id: id })),
    });
    const sockets = { engine: engine.socketPath, fairlead: fairlead.socketPath };
    const proxy = await CreateProxy.start({ ...sockets, services: ['db.mh'], standby: false });
    const ask = async (method: string, path: string, body = '') => {
      const client = await RawClient.connect(proxy.host.slice('unix://'.length));
      client.request(method, path, body, ['Connection: close']);
      await client.ended;
      return client.text.split('\r\n')[0];
    };
    return {
      engine,
      fairlead,
      proxy,
      ask,
      async [Symbol.asyncDispose]() {
        for (const one of [proxy, engine, fairlead]) await one[Symbol.asyncDispose]();
      },
    };
  }

  it('lets the client speak no newer API than Fairlead reads', async () => {
    const pinged = (version: string) =>
      startFakeEngine({ answer: (_, response) => response.writeHead(200, { 'Api-Version': version }).end() });
    await using engine = await pinged('1.99');
    await using fairlead = await pinged('1.52');
    const sockets = { engine: engine.socketPath, fairlead: fairlead.socketPath };
    await using proxy = await CreateProxy.start({ ...sockets, services: [], standby: false });
    for (const path of ['/_ping', '/v1.24/_ping']) {
      const client = await RawClient.connect(proxy.host.slice('unix://'.length));
      client.request('HEAD', path, '', ['Connection: close']);
      await client.ended;
      expect(client.text).toContain('Api-Version: 1.52\r\n');
    }
    expect(engine.calls).toEqual([]);
  });

  it('asks Fairlead to create, with the services, and the Engine for all else', async () => {
    await using rig = await between(204);
    expect(await rig.ask('POST', '/v1.41/containers/create?name=x', '{"Image":"x"}')).toBe(
      'HTTP/1.1 201 Created',
    );
    expect(rig.fairlead.calls.map(({ line, body }) => [line, JSON.parse(body)])).toEqual([
      ['POST /v1.41/containers/create?name=x', { Image: 'x', PublishService: ['db.mh'] }],
    ]);
    expect(rig.proxy.made).toEqual({ id, published: ['s1'], started: false });
    expect(await rig.ask('POST', `/v1.41/containers/${id}/start`)).toBe('HTTP/1.1 204 No Content');
    await until('it is known to run', () => rig.proxy.made?.started === true);
    expect(rig.engine.calls.map(({ line }) => line)).toEqual([`POST /v1.41/containers/${id}/start`]);
  });

  it('knows a start that failed, and leaves no file', async () => {
    await using rig = await between(500);
    await rig.ask('POST', '/containers/create', '{}');
    await rig.ask('POST', `/containers/${id}/start`);
    expect(rig.proxy.made?.started).toBe(false);
    const path = rig.proxy.host.slice('unix://'.length);
    expect(existsSync(path)).toBe(true);
    await rig.proxy[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(false);
  });
});
