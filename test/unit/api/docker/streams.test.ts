import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ExecProcess, OwnRuntime } from '../../../../src/container/runtime.ts';
import { FairleadError } from '../../../../src/lib/errors.ts';
import { createTestApi } from '../../../rig/api.ts';
import { RawClient } from '../../../rig/raw-http.ts';

type TestApi = Awaited<ReturnType<typeof createTestApi>>;

const body = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4);
const framed = (stream: 1 | 2, text: string) =>
  `${String.fromCharCode(stream)}\0\0\0\0\0\0${String.fromCharCode(text.length)}${text}`;

async function listening(programs: true | Pick<OwnRuntime, 'exec'> = true): Promise<TestApi> {
  const api = await createTestApi({ programs });
  await api.listen();
  await api.model.containers.create({ name: 'c1', image: 'busybox', command: ['cat'], openStdin: true });
  return api;
}

async function exec(api: TestApi, spec: object): Promise<string> {
  const answer = await api.call('POST', '/containers/c1/exec', {
    AttachStdout: true,
    AttachStderr: true,
    ...spec,
  });
  expect(answer.status).toBe(201);
  return String(Object.values(Object(answer.json()))[0]);
}

/** A process that writes this, ends with 0, and is told of resizes. */
function said(text: string, resize: ExecProcess['resize'] = () => {}): ExecProcess {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdout.end(text);
  stderr.end();
  return { pid: 1, stdin, stdout, stderr, exited: Promise.resolve(0), resize };
}

/** What others wait for until it is opened. */
class Latch {
  open = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

describe('exec', () => {
  it('upgrades, frames both outputs, and knows the exit code when the stream ends', async () => {
    await using api = await listening();
    await api.model.containers.start('c1');
    const id = await exec(api, { Cmd: ['sh', '-c', 'echo out; sleep 0.05; echo err >&2; exit 3'] });
    const client = await RawClient.connect(api.socketPath);
    client.upgrade(`/v1.44/exec/${id}/start`, '{"Detach":false,"Tty":false}\n');
    await client.ended;
    const [head] = client.text.split('\r\n\r\n');
    expect(head?.split('\r\n').slice(0, 4)).toEqual([
      'HTTP/1.1 101 UPGRADED',
      'Content-Type: application/vnd.docker.multiplexed-stream',
      'Connection: Upgrade',
      'Upgrade: tcp',
    ]);
    expect(body(client.text)).toBe(framed(1, 'out\n') + framed(2, 'err\n'));
    expect((await api.call('GET', `/exec/${id}/json`)).json()).toMatchObject({
      ID: id,
      Running: false,
      ExitCode: 3,
      ProcessConfig: { tty: false, entrypoint: 'sh', privileged: false },
      ContainerID: api.model.containers.find('c1').id,
    });
  });

  it.each([
    ['framed', '{"Tty":false}', true, framed(1, 'out\n')],
    ['as it is', '{"Tty":true}', false, 'out\n'],
  ])('is %s as the start asks with %s, made with Tty %s', async (_how, start, Tty, expected) => {
    await using api = await listening();
    await api.model.containers.start('c1');
    const id = await exec(api, { Cmd: ['echo', 'out'], Tty });
    const client = await RawClient.connect(api.socketPath);
    client.upgrade(`/exec/${id}/start`, start);
    await client.ended;
    expect(body(client.text).replace('\r', '')).toBe(expected);
  });

  describe('started with an upgrade', () => {
    it('has sent the head before there is a process: docker-py drops what comes along with it', async () => {
      const start = new Latch();
      const resizes: unknown[] = [];
      await using api = await listening({
        exec: async () => {
          await start.opened;
          return said('early', (columns, rows) => resizes.push({ columns, rows }));
        },
      });
      await api.model.containers.start('c1');
      const id = await exec(api, { Cmd: ['hello'] });
      const client = await RawClient.connect(api.socketPath);
      client.upgrade(`/exec/${id}/start`, '{}');
      await client.until((text) => text.endsWith('\r\n\r\n'));
      // Clients tell the size of their terminal at once.
      expect((await api.call('POST', `/exec/${id}/resize?h=24&w=80`)).status).toBe(200);
      start.open();
      await client.ended;
      expect(body(client.text)).toBe(framed(1, 'early'));
      expect(resizes).toEqual([{ columns: 80, rows: 24 }]);
    });

    it.each([
      [false, framed(2, 'unable to find user nobody-here\n')],
      [true, 'unable to find user nobody-here\r\n'],
    ])('says what the start failed for in the stream (terminal: %s)', async (Tty, expected) => {
      const refusal = new FairleadError('invalid', 'unable to find user nobody-here');
      await using api = await listening({ exec: () => Promise.reject(refusal) });
      await api.model.containers.start('c1');
      const id = await exec(api, { Cmd: ['true'], Tty });
      const client = await RawClient.connect(api.socketPath);
      client.upgrade(`/exec/${id}/start`, JSON.stringify({ Tty }));
      await client.ended;
      expect(body(client.text)).toBe(expected);
      const seen = (await api.call('GET', `/exec/${id}/json`)).json();
      expect(seen).toMatchObject({ Running: false, ExitCode: 126 });
    });

    it('lets go of the process where the client left before it started', async () => {
      const start = new Latch();
      const stdout = new PassThrough();
      await using api = await listening({
        exec: async () => {
          await start.opened;
          return { ...said(''), stdout };
        },
      });
      await api.model.containers.start('c1');
      const id = await exec(api, { Cmd: ['hello'] });
      const client = await RawClient.connect(api.socketPath);
      client.upgrade(`/exec/${id}/start`, '{}');
      await client.until((text) => text.endsWith('\r\n\r\n'));
      client.destroy();
      await client.ended;
      const gone = new Promise((resolve) => stdout.once('close', resolve));
      start.open();
      stdout.write('into the void');
      await gone;
    });
  });

  it('passes input through, whole, until the half-close', async () => {
    await using api = await listening();
    await api.model.containers.start('c1');
    const id = await exec(api, { Cmd: ['cat'], AttachStdin: true, Tty: true });
    const client = await RawClient.connect(api.socketPath);
    client.upgrade(`/v1.41/exec/${id}/start`, '{"Tty":true}');
    await client.until((text) => text.includes('\r\n\r\n'));
    expect(client.text).toContain('Content-Type: application/vnd.docker.raw-stream');
    const input = 'line\n'.repeat(50_000);
    client.send(input);
    client.halfClose();
    await client.ended;
    expect(body(client.text)).toBe(input);
  });

  it('keeps input that came along with the request', async () => {
    await using api = await listening();
    await api.model.containers.start('c1');
    const id = await exec(api, { Cmd: ['cat'], AttachStdin: true, Tty: true });
    const client = await RawClient.connect(api.socketPath);
    const request = `POST /exec/${id}/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 12\r\n\r\n`;
    client.send(`${request}{"Tty"`);
    client.send(':true}early');
    client.halfClose();
    await client.ended;
    expect(body(client.text)).toBe('early');
  });

  it('streams without an upgrade, too', async () => {
    await using api = await listening();
    await api.model.containers.start('c1');
    const id = await exec(api, { Cmd: ['echo', 'hi'] });
    const client = await RawClient.connect(api.socketPath);
    client.request('POST', `/exec/${id}/start`, '{}');
    await client.ended;
    expect(client.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(body(client.text)).toBe(framed(1, 'hi\n'));
  });

  it.each([
    ['the usual keys', '', '\x10\x11'],
    ['its own', 'ctrl-p', '\x10'],
  ])('is left by %s, and the process goes on', async (_which, DetachKeys, keys) => {
    await using api = await listening();
    await api.model.containers.start('c1');
    const id = await exec(api, { Cmd: ['cat'], AttachStdin: true, Tty: true, DetachKeys });
    const client = await RawClient.connect(api.socketPath);
    client.upgrade(`/exec/${id}/start`, '{"Tty":true}');
    await client.until((text) => text.includes('\r\n\r\n'));
    client.send(keys);
    await client.ended;
    expect(body(client.text)).toBe('');
    expect((await api.call('GET', `/exec/${id}/json`)).json()).toMatchObject({ Running: true });
    const actions = '{"event":["exec_detach"]}';
    const told = await api.call(
      'GET',
      `/events?since=0&until=${Date.now() / 1000 + 0.001}&filters=${actions}`,
    );
    expect(
      told.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { Type: 'container', Action: 'exec_detach', Actor: { Attributes: { name: 'c1', execID: id } } },
    ]);
  });

  it('can be detached', async () => {
    await using api = await listening();
    await api.model.containers.start('c1');
    const id = await exec(api, { Cmd: ['true'] });
    expect((await api.call('POST', `/exec/${id}/start`, { Detach: true })).status).toBe(200);
    expect((await api.call('POST', `/exec/${id}/start`, {})).json()).toEqual({
      message: expect.stringMatching(/Exec command [0-9a-f]{64} (is already running|has already run)/),
    });
  });

  it.each([
    ['/exec/nope/start', 404, 'No such exec instance: nope'],
    ['/containers/nope/attach', 404, 'No such container: nope'],
    ['/containers/%zz/attach', 400, 'malformed path: /containers/%zz/attach'],
    ['/v1.99/exec/x/start', 400, 'client version 1.99 is too new. Maximum supported API version is 1.52'],
    ['/session', 501, 'POST /session with upgrade to tcp is not supported by Fairlead'],
  ])('answers an upgrade of %s with %i', async (path, status, message) => {
    await using api = await listening();
    const client = await RawClient.connect(api.socketPath);
    client.upgrade(path, '{}');
    await client.ended;
    expect(client.text.split(' ')[1]).toBe(String(status));
    expect(body(client.text)).toBe(`${JSON.stringify({ message })}\n`);
  });

  it('refuses what cannot run', async () => {
    await using api = await listening();
    const { id } = api.model.containers.find('c1');
    const stopped = await api.call('POST', '/containers/c1/exec', { Cmd: ['true'] });
    expect([stopped.status, stopped.json()]).toEqual([409, { message: `container ${id} is not running` }]);
    await api.model.containers.start('c1');
    expect((await api.call('POST', '/containers/c1/exec', { Cmd: [] })).json()).toEqual({
      message: 'No exec command specified',
    });
    const missing = await exec(api, { Cmd: ['/no/such/program'] });
    expect((await api.call('POST', `/exec/${missing}/start`, {})).status).toBe(400);
    expect((await api.call('GET', `/exec/${missing}/json`)).json()).toMatchObject({
      Running: false,
      ExitCode: 126,
    });
    expect((await api.call('POST', `/exec/${missing}/resize?h=1&w=1`)).status).toBe(409);
    expect((await api.call('POST', `/containers/c1/resize?h=x&w=1`)).status).toBe(400);
    expect((await api.call('POST', `/containers/c1/resize?h=24&w=80`)).status).toBe(200);
  });
});

describe('attach, as docker run does it: before the start', () => {
  it('shows the output of the whole run, and takes input', async () => {
    await using api = await listening();
    const client = await RawClient.connect(api.socketPath);
    client.upgrade('/v1.44/containers/c1/attach?stream=1&stdin=1&stdout=1&stderr=1&logs=1');
    await client.until((text) => text.includes('\r\n\r\n'));
    const waiter = await RawClient.connect(api.socketPath);
    waiter.request('POST', '/containers/c1/wait?condition=next-exit');
    await waiter.until((text) => text.includes('\r\n\r\n'));
    expect(body(waiter.text)).toBe('');
    await api.call('POST', '/containers/c1/start');
    client.send('hello\n');
    await client.until((text) => text.endsWith(framed(1, 'hello\n')));
    expect(body(client.text)).toBe(
      framed(1, 'one\n') + framed(2, 'two\n') + framed(1, 'three') + framed(1, 'hello\n'),
    );
    client.destroy();
    await api.call('POST', '/containers/c1/stop');
    await waiter.until((text) => text.includes('{"StatusCode":143}\n'));
    waiter.destroy();
  });
});

describe('GET /events', () => {
  it('streams a line an event, past ones first, and filters', async () => {
    await using api = await listening();
    const client = await RawClient.connect(api.socketPath);
    const filters = encodeURIComponent('{"type":["network"],"network":["fo"]}');
    await api.model.networks.create({ name: 'foo' });
    client.request('GET', `/events?since=0&filters=${filters}`);
    await client.until((text) => text.includes('"Action":"create"'));
    await api.model.networks.create({ name: 'bar' });
    await api.model.networks.remove('foo');
    await client.until((text) => text.includes('"Action":"destroy"'));
    client.destroy();
    const lines = client.text.split(/\r?\n/).filter((line) => line.startsWith('{'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        Type: 'network',
        Action: 'create',
        Actor: { Attributes: { name: 'foo', type: 'bridge' } },
        scope: 'local',
      },
      { Type: 'network', Action: 'destroy', Actor: { Attributes: { name: 'foo', type: 'bridge' } } },
    ]);
  });

  it('ends at until, and gives container events their old members', async () => {
    await using api = await listening();
    const answer = await api.call('GET', `/v1.51/events?since=0&until=${Math.ceil(Date.now() / 1000 + 1)}`);
    const lines = answer.text.trim().split('\n');
    const last = JSON.parse(lines.at(-1) ?? '');
    const { id } = api.model.containers.find('c1');
    expect(last).toMatchObject({
      status: 'create',
      id,
      from: 'busybox',
      Type: 'container',
      Action: 'create',
    });
    expect(Object.keys(last).slice(0, 4)).toEqual(['status', 'id', 'from', 'Type']);
  });

  it.each([
    ['since=bogus', 'strconv.ParseInt: parsing "bogus": invalid syntax'],
    ['since=10&until=5', '`since` time (10) cannot be after `until` time (5)'],
  ])('refuses %s', async (query, message) => {
    await using api = await createTestApi();
    const answer = await api.call('GET', `/events?${query}`);
    expect([answer.status, answer.json()]).toEqual([400, { message }]);
  });

  it('cuts off a reader that is too slow, and its memory is given back', async () => {
    await using api = await listening();
    const client = await RawClient.connect(api.socketPath);
    client.request('GET', '/events');
    await client.until((text) => text.includes('\r\n\r\n'));
    client.pause();
    const Attributes = { name: 'x'.repeat(1000) };
    const flood = async () => {
      for (let n = 0; n < 40_000; n += 1) {
        api.model.events.emit({ Type: 'daemon', Action: 'flood', Actor: { ID: 'x', Attributes } });
        if (n % 500 === 0) await new Promise(setImmediate);
      }
    };
    await flood();
    const before = process.memoryUsage().heapUsed;
    await flood();
    // 40,000 events of a kilobyte are not kept for it.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(25e6);
    client.resume();
    await client.until((text) => text.endsWith('0\r\n\r\n'));
    expect((await api.call('GET', '/_ping')).status).toBe(200);
    client.destroy();
  });

  it('lets go of its subscription when the client leaves', async () => {
    await using api = await listening();
    let open = 0;
    const { events } = api.model;
    const subscribe = events.subscribe.bind(events);
    events.subscribe = () => {
      const subscription = subscribe();
      open += 1;
      const end = subscription.return?.bind(subscription);
      let over = false;
      subscription.return = async () => {
        if (!over) open -= 1;
        over = true;
        return (await end?.()) ?? { done: true, value: undefined };
      };
      return subscription;
    };
    const client = await RawClient.connect(api.socketPath);
    client.request('GET', '/events');
    await client.until((text) => text.includes('\r\n\r\n'));
    expect(open).toBe(1);
    client.destroy();
    await expect.poll(() => open).toBe(0);
  });
});

describe('close', () => {
  it('ends streams and upgraded connections', async () => {
    const api = await listening();
    await api.model.containers.start('c1');
    const id = await exec(api, { Cmd: ['cat'], AttachStdin: true });
    const clients = await Promise.all(Array.from({ length: 3 }, () => RawClient.connect(api.socketPath)));
    clients[0]?.request('GET', '/events');
    clients[1]?.request('POST', '/containers/c1/wait');
    clients[2]?.upgrade(`/exec/${id}/start`, '{}');
    await Promise.all(clients.map((client) => client.until((text) => text.includes('\r\n\r\n'))));
    for (const client of clients) client.halfClose();
    await api[Symbol.asyncDispose]();
    await Promise.all(clients.map((client) => client.ended));
  });
});
