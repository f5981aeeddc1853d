import { describe, expect, it } from 'vitest';
import { createTestApi } from '../../../rig/api.ts';

type TestApi = Awaited<ReturnType<typeof createTestApi>>;

async function create(api: TestApi, name: string, body: object = {}): Promise<string> {
  const answer = await api.call('POST', `/containers/create?name=${name}`, { Image: 'busybox', ...body });
  expect([answer.status, answer.text]).toEqual([201, expect.stringContaining('"Warnings":[]')]);
  return api.model.containers.find(name).id;
}

const list = async (api: TestApi, query: string) => {
  const body = (await api.call('GET', `/containers/json?${query}`)).json();
  return Array.isArray(body) ? body.map(({ Names }) => Names[0].slice(1)) : body;
};

const filter = (filters: unknown) => `all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`;

describe('POST /containers/create', () => {
  it('understands what the docker CLI sends', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks/create', {
      Name: 'foo',
      IPAM: { Config: [{ Subnet: '10.9.0.0/24' }] },
    });
    const settings = { IPAMConfig: { IPv4Address: '10.9.0.5' }, Links: null, Aliases: ['a'], GwPriority: 3 };
    const id = await create(api, 'c1', {
      Hostname: 'h',
      Tty: true,
      Env: ['A=b'],
      Entrypoint: ['sh', '-c'],
      Cmd: 'sleep 5',
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Labels: { l: 'v' },
      HostConfig: { NetworkMode: 'foo', Dns: ['1.1.1.1'], ExtraHosts: ['x:1.2.3.4'], PortBindings: {} },
      NetworkingConfig: { EndpointsConfig: { foo: settings } },
    });
    expect(api.model.containers.find(id)).toMatchObject({
      name: 'c1',
      spec: {
        image: 'busybox',
        command: ['sh', '-c', 'sleep 5'],
        env: ['A=b'],
        hostname: 'h',
        tty: true,
        labels: { l: 'v' },
        networkMode: { kind: 'network', network: 'foo' },
        dns: ['1.1.1.1'],
        extraHosts: ['x:1.2.3.4'],
        exposedPorts: [
          { protocol: 'tcp', port: 80 },
          { protocol: 'udp', port: 53 },
        ],
      },
      attachments: [{ network: 'foo', ipv4: '10.9.0.5', aliases: ['a'], gatewayPriority: 3 }],
    });
  });

  it('lets a single endpoint decide over the network mode', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks/create', { Name: 'foo' });
    const id = await create(api, 'c1', {
      HostConfig: { NetworkMode: 'bridge' },
      NetworkingConfig: { EndpointsConfig: { foo: null } },
    });
    expect(api.model.containers.find(id).attachments.map(({ network }) => network)).toEqual(['foo']);
  });

  it('warns of what it does not do', async () => {
    await using api = await createTestApi();
    const HostConfig = {
      PortBindings: { '80/tcp': [{ HostPort: '8080' }] },
      NetworkMode: 'host',
    };
    const answer = await api.call('POST', '/containers/create', { Image: 'x', HostConfig });
    expect(answer.json()).toHaveProperty('Warnings', [
      'Published ports are discarded when using host network mode',
    ]);
  });

  it.each([
    ['c', { Image: 'x' }, 'Invalid container name (c), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed'],
    ['c%20d', { Image: 'x' }, 'Invalid container name (c d), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed'],
    ['ok', {}, 'no image specified'],
    [
      'ok',
      { Image: 'x', Cmd: 1 },
      'invalid JSON: json: cannot unmarshal number into Go struct field CreateRequest.Cmd of type string',
    ],
    [
      'ok',
      { Image: 'x', ExposedPorts: { '70000/tcp': {} } },
      'invalid port 70000/tcp: expected PORT[-PORT][/tcp|udp|sctp]',
    ],
    [
      'ok',
      { Image: 'x', HostConfig: { NetworkMode: 'container:' } },
      'Invalid network mode: invalid container format container:<name|id>',
    ],
    [
      'ok',
      { Image: 'x', HostConfig: { NetworkMode: 'container:c', Dns: ['9.9.9.9'] } },
      'conflicting options: dns and the network mode',
    ],
    [
      'ok',
      { Image: 'x', HostConfig: { NetworkMode: 'container:c', ExtraHosts: ['a:10.0.0.1'] } },
      'conflicting options: custom host-to-IP mapping and the network mode',
    ],
    [
      'ok',
      { Image: 'x', ExposedPorts: { '80/tcp': {} }, HostConfig: { NetworkMode: 'container:c' } },
      'conflicting options: port exposing and the container type network mode',
    ],
    [
      'ok',
      { Image: 'x', Hostname: 'h', HostConfig: { NetworkMode: 'container:c' } },
      'conflicting options: hostname and the network mode',
    ],
  ])('refuses the name %s with %j', async (name, body, message) => {
    await using api = await createTestApi();
    const answer = await api.call('POST', `/containers/create?name=${name}`, body);
    expect([answer.status, answer.json()]).toEqual([400, { message }]);
  });
});

describe('GET /containers/json', () => {
  it('lists running containers, newest first, as docker ps wants them', async () => {
    await using api = await createTestApi();
    await create(api, 'c1', { Cmd: ['sleep', '1'], Labels: { a: '1' } });
    const id = await create(api, 'c2', { ExposedPorts: { '80/tcp': {} } });
    await create(api, 'c3');
    await api.call('POST', '/containers/c1/start');
    await api.call('POST', '/containers/c2/start');
    expect(await list(api, '')).toEqual(['c2', 'c1']);
    expect(await list(api, 'all=1')).toEqual(['c3', 'c2', 'c1']);
    expect(await list(api, 'limit=2')).toEqual(['c3', 'c2']);
    const entries = (await api.call('GET', '/containers/json?size=1')).json();
    expect(entries).toMatchObject([
      {
        Id: id,
        Names: ['/c2'],
        Image: 'busybox',
        ImageID: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        Command: '',
        Ports: [{ PrivatePort: 80, Type: 'tcp' }],
        SizeRw: 0,
        SizeRootFs: 0,
        Labels: {},
        State: 'running',
        Status: expect.stringMatching(/^Up /),
        NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.3', IPPrefixLen: 16 } } },
        Mounts: [],
      },
      { Names: ['/c1'], Command: 'sleep 1', Labels: { a: '1' } },
    ]);
  });

  it('filters', async () => {
    await using api = await createTestApi();
    const first = await create(api, 'web-1', { Labels: { tier: 'web' } });
    await create(api, 'db', { Image: 'postgres:9', ExposedPorts: { '5432/tcp': {} } });
    await create(api, 'web-2', { HostConfig: { NetworkMode: 'none' } });
    await api.call('POST', '/containers/db/start');
    await api.call('POST', '/containers/web-1/start');
    await api.call('POST', '/containers/web-1/kill');
    expect(await list(api, filter({ name: ['^/web'] }))).toEqual(['web-2', 'web-1']);
    expect(await list(api, filter({ name: ['^db$'] }))).toEqual(['db']);
    expect(await list(api, filter({ id: [first.slice(0, 10)] }))).toEqual(['web-1']);
    expect(await list(api, filter({ label: ['tier=web'] }))).toEqual(['web-1']);
    expect(await list(api, filter({ ancestor: ['postgres:9'] }))).toEqual(['db']);
    expect(await list(api, filter({ expose: ['5432'] }))).toEqual(['db']);
    expect(await list(api, filter({ network: ['none'] }))).toEqual(['web-2']);
    expect(await list(api, filter({ before: ['web-2'] }))).toEqual(['db', 'web-1']);
    expect(await list(api, filter({ since: ['web-1'] }))).toEqual(['web-2', 'db']);
    expect(await list(api, filter({ exited: ['137'] }).replace('all=1', ''))).toEqual(['web-1']);
    expect(await list(api, filter({ status: ['created'] }).replace('all=1', ''))).toEqual(['web-2']);
    expect(await list(api, filter({ status: ['x'] }))).toEqual({ message: "invalid filter 'status=x'" });
    expect(await list(api, filter({ bogus: ['x'] }))).toEqual({ message: "invalid filter 'bogus'" });
  });
});

describe('a container', () => {
  it('is inspected with complete NetworkSettings while it runs', async () => {
    await using api = await createTestApi();
    const id = await create(api, 'c1', {
      Cmd: ['sleep', '9'],
      HostConfig: { Ulimits: [] },
      StopSignal: 'SIGINT',
    });
    await api.call('POST', '/containers/c1/start');
    const body = (await api.call('GET', '/v1.44/containers/c1/json')).json();
    const [endpoint] = await api.model.networks.endpoints(api.model.networks.find('bridge').id);
    const address = {
      MacAddress: '02:42:ac:11:00:02',
      EndpointID: endpoint?.id,
      Gateway: '172.17.0.1',
      IPAddress: '172.17.0.2',
      IPPrefixLen: 16,
      IPv6Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
    };
    expect(body).toMatchObject({
      Id: id,
      Name: '/c1',
      Path: 'sleep',
      Args: ['9'],
      State: { Status: 'running', Running: true, ExitCode: 0, FinishedAt: '0001-01-01T00:00:00Z' },
      HostConfig: { Ulimits: [], NetworkMode: 'bridge', RestartPolicy: { Name: 'no', MaximumRetryCount: 0 } },
      Config: { Hostname: id.slice(0, 12), Cmd: ['sleep', '9'], Image: 'busybox', StopSignal: 'SIGINT' },
      NetworkSettings: {
        ...address,
        Networks: {
          bridge: {
            IPAMConfig: null,
            Links: null,
            Aliases: null,
            DriverOpts: null,
            NetworkID: endpoint?.networkId,
            DNSNames: null,
            ...address,
          },
        },
      },
    });
    await api.call('POST', '/containers/c1/stop?t=1');
    expect((await api.call('GET', '/v1.51/containers/c1/json')).json()).toMatchObject({
      State: { Status: 'exited', ExitCode: 130 },
      NetworkSettings: { IPAddress: '', Networks: { bridge: { IPAddress: '', EndpointID: '' } } },
    });
  });

  it('shows the service it publishes', async () => {
    await using api = await createTestApi();
    await create(api, 'c1', { PublishService: 'db.bridge' });
    await api.call('POST', '/containers/c1/start');
    expect((await api.call('GET', '/v1.51/containers/c1/json')).json()).toMatchObject({
      Config: { PublishService: 'db.bridge' },
      NetworkSettings: { IPAddress: '172.17.0.2' },
    });
    expect(
      (await api.model.services.find('db.bridge')).providers.map(({ containerName }) => containerName),
    ).toEqual(['c1']);
  });

  it('goes through its life with the status codes of the Engine', async () => {
    await using api = await createTestApi();
    await create(api, 'c1');
    const steps: [string, number][] = [];
    for (const step of [
      'start',
      'start',
      'restart?t=0',
      'stop',
      'stop',
      'start',
      'kill?signal=9',
      'rename?name=c2',
    ]) {
      const answer = await api.call('POST', `/containers/c1/${step}`);
      expect(answer.text).toBe('');
      steps.push([step, answer.status]);
    }
    expect(steps).toEqual([
      ['start', 204],
      ['start', 304],
      ['restart?t=0', 204],
      ['stop', 204],
      ['stop', 304],
      ['start', 204],
      ['kill?signal=9', 204],
      ['rename?name=c2', 204],
    ]);
    expect((await api.call('POST', '/containers/c2/kill')).status).toBe(409);
    await api.call('POST', '/containers/c2/start');
    expect((await api.call('DELETE', '/containers/c2')).status).toBe(409);
    const removed = await api.call('DELETE', '/containers/c2?force=1&v=1');
    expect([removed.status, removed.text]).toEqual([204, '']);
    expect((await api.call('GET', '/containers/c2/json')).json()).toEqual({
      message: 'No such container: c2',
    });
  });

  it('is waited for', async () => {
    await using api = await createTestApi();
    await create(api, 'c1');
    await api.call('POST', '/containers/c1/start');
    const waiting = api.call('POST', '/containers/c1/wait?condition=next-exit');
    await api.call('POST', '/containers/c1/stop');
    expect((await waiting).text).toBe('{"StatusCode":143}\n');
    expect((await api.call('POST', '/containers/c1/wait')).text).toBe('{"StatusCode":143}\n');
    const bad = await api.call('POST', '/containers/c1/wait?condition=x');
    expect([bad.status, bad.json()]).toEqual([400, { message: 'invalid condition: "x"' }]);
    expect((await api.call('POST', '/containers/nope/wait')).status).toBe(404);
  });

  it('is pruned when it does not run', async () => {
    await using api = await createTestApi();
    const gone = await create(api, 'gone');
    await create(api, 'kept', { Labels: { keep: '' } });
    await create(api, 'runs');
    await api.call('POST', '/containers/runs/start');
    const filters = encodeURIComponent('{"label!":["keep"]}');
    const answer = await api.call('POST', `/containers/prune?filters=${filters}`);
    expect(answer.json()).toEqual({ ContainersDeleted: [gone], SpaceReclaimed: 0 });
    expect(await list(api, 'all=1')).toEqual(['runs', 'kept']);
  });
});

describe('logs', () => {
  const read = async (api: TestApi, query: string) => {
    const response = await api.api.app.inject({ method: 'GET', url: `/containers/c1/logs?${query}` });
    return { ...response, raw: response.rawPayload.toString('latin1') };
  };

  it('are framed, chosen by stream, cut to the tail and stamped', async () => {
    await using api = await createTestApi({ programs: true });
    await create(api, 'c1');
    const all = await read(api, 'stdout=1&stderr=1&tail=all');
    expect(all.raw).toBe('\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x04two\n\x01\0\0\0\0\0\0\x05three');
    expect(all.headers['content-type']).toBe('application/vnd.docker.multiplexed-stream');
    expect((await read(api, 'stderr=1')).raw).toBe('\x02\0\0\0\0\0\0\x04two\n');
    expect((await read(api, 'stdout=1&stderr=1&tail=1&timestamps=1&follow=1')).raw).toBe(
      '\x01\0\0\0\0\0\0\x242026-01-01T00:00:00.000000003Z three',
    );
  });

  it('of a terminal are raw', async () => {
    await using api = await createTestApi({ programs: true });
    await create(api, 'c1', { Tty: true });
    const answer = await read(api, 'stdout=1&stderr=1');
    expect(answer.raw).toBe('one\ntwo\nthree');
    expect(answer.headers['content-type']).toBe('application/vnd.docker.raw-stream');
  });

  it('are empty where nothing runs that could write', async () => {
    await using api = await createTestApi();
    await create(api, 'c1');
    for (const follow of ['', '&follow=1']) {
      const answer = await api.call('GET', `/containers/c1/logs?stdout=1${follow}`);
      expect([answer.status, answer.text]).toEqual([200, '']);
    }
    const none = await api.call('GET', '/containers/c1/logs');
    expect(none.json()).toEqual({ message: 'Bad parameters: you must choose at least one stream' });
  });
});
