import { describe, expect, it } from 'vitest';
import { createTestApi } from '../../../rig/api.ts';
import { until } from '../../../rig/until.ts';

describe('system calls', () => {
  it('pings by GET and HEAD, and by nothing else', async () => {
    await using api = await createTestApi();
    const got = await api.call('GET', '/_ping');
    expect([got.status, got.text, got.headers['content-type'], got.headers.swarm]).toEqual([
      200,
      'OK',
      'text/plain; charset=utf-8',
      'inactive',
    ]);
    const head = await api.call('HEAD', '/_ping');
    expect([head.status, head.text, head.headers['content-length'], head.headers['api-version']]).toEqual([
      200,
      '',
      '0',
      '1.52',
    ]);
    for (const [method, url] of [
      ['PUT', '/_ping'],
      ['HEAD', '/networks'],
      ['GET', '/nope'],
    ] as const) {
      expect((await api.call(method, url)).status).toBe(404);
    }
  });

  it('tells nobody what keys of encrypted tunnels are made of', async () => {
    await using api = await createTestApi();
    await api.model.networks.create({ name: 'foo', driver: 'overlay', options: { encrypted: '' } });
    await api.model.containers.create({ name: 'c1', image: 'x', networkMode: 'foo' });
    await api.model.containers.start('c1');
    const secret = () => api.model.nodes()[0]?.tunnelSecret;
    await until('the secret is in the record', secret);
    const { text } = await api.call('GET', '/fairlead/nodes');
    expect(JSON.parse(text)).toMatchObject([{ id: api.model.nodeId, self: true }]);
    expect(text).not.toContain(secret());
  });

  it('tells its version', async () => {
    await using api = await createTestApi();
    expect((await api.call('GET', '/v1.24/version')).json()).toMatchObject({
      Platform: { Name: 'Fairlead' },
      Components: [
        { Name: 'Engine', Version: '0.1.0', Details: { ApiVersion: '1.52', MinAPIVersion: '1.18' } },
      ],
      Version: '0.1.0',
      ApiVersion: '1.52',
      MinAPIVersion: '1.18',
    });
  });

  it('has the Engine’s info, and its own under Fairlead', async () => {
    await using api = await createTestApi();
    await api.model.containers.create({ name: 'c1', image: 'busybox' });
    await api.model.containers.create({ name: 'c2', image: 'docker.io/library/busybox:latest' });
    await api.model.containers.start('c1');
    expect((await api.call('GET', '/info')).json()).toMatchObject({
      Containers: 2,
      ContainersRunning: 1,
      ContainersStopped: 1,
      Images: 1,
      Name: 'test',
      ServerVersion: '0.1.0',
      Swarm: { LocalNodeState: 'inactive' },
      Plugins: { Network: ['bridge', 'host', 'null'] },
      Warnings: [],
      Fairlead: {
        mode: 'simulated',
        why: 'the test asks for it',
        nodeId: api.model.nodeId,
        nodeName: 'test',
        defaultNetwork: 'bridge:bridge',
        stores: [{ reachable: true }],
        dns: { listeners: [] },
      },
    });
  });

  it('knows an image once it was pulled or used, by name and id', async () => {
    await using api = await createTestApi();
    expect((await api.call('GET', '/images/json')).json()).toEqual([]);
    const missing = await api.call('GET', '/images/library/redis/json');
    expect([missing.status, missing.json()]).toEqual([
      404,
      { message: 'No such image: library/redis:latest' },
    ]);
    const pulled = await api.call('POST', '/images/create?fromImage=docker.io/library/redis&tag=7');
    expect(
      pulled.text
        .split('\r\n')
        .filter(Boolean)
        .map((line) => Object.keys(JSON.parse(line))),
    ).toEqual([['status', 'id'], ['status'], ['status']]);
    await api.model.containers.create({ name: 'c1', image: 'team/app' });
    for (const [ref, tag] of [
      ['redis:7', 'redis:7'],
      ['library/redis:7', 'redis:7'],
      ['team/app', 'team/app:latest'],
    ]) {
      const image = (await api.call('GET', `/images/${ref}/json`)).json();
      expect(image).toMatchObject({ RepoTags: [tag], Os: 'linux' });
      const id = String(Object(image).Id);
      expect((await api.call('GET', `/images/${id}/json`)).json()).toEqual(image);
      expect((await api.call('GET', `/images/${id.slice(7, 19)}/json`)).json()).toEqual(image);
    }
  });

  it('has no volumes', async () => {
    await using api = await createTestApi();
    expect((await api.call('GET', '/volumes')).text).toBe('{"Volumes":[],"Warnings":null}\n');
    expect((await api.call('GET', '/volumes/v')).json()).toEqual({ message: 'get v: no such volume' });
  });

  const noSwarm =
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

  it.each([
    ['POST', '/build', 501, 'POST /build is not supported by Fairlead'],
    ['GET', '/images/search?term=x', 501, 'GET /images/search is not supported by Fairlead'],
    ['GET', '/containers/x/top', 404, 'No such container: x'],
    ['GET', '/swarm', 503, noSwarm],
    ['POST', '/v1.44/services/create', 503, noSwarm],
    ['POST', '/auth', 501, 'there is no registry to log in to: for Fairlead an image is only a name'],
    ['GET', '/v1.44/plugins/x/json', 404, 'plugin "x" not found'],
  ] as const)('says what there is to say of %s %s', async (method, url, status, message) => {
    await using api = await createTestApi();
    const answer = await api.call(method, url);
    expect([answer.status, answer.json()]).toEqual([status, { message }]);
  });

  it('prunes what there is: nothing takes room', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/images/create?fromImage=redis&tag=7');
    await api.model.containers.create({ name: 'c1', image: 'used' });
    expect((await api.call('POST', '/build/prune')).json()).toEqual({
      CachesDeleted: null,
      SpaceReclaimed: 0,
    });
    expect((await api.call('POST', '/images/prune')).json()).toEqual({
      ImagesDeleted: null,
      SpaceReclaimed: 0,
    });
    expect((await api.call('GET', '/system/df')).json()).toMatchObject({
      LayersSize: 0,
      Images: [{ RepoTags: ['redis:7'] }, { RepoTags: ['used:latest'] }],
      Containers: [{ Names: ['/c1'], SizeRw: 0 }],
      Volumes: [],
      BuildCache: [],
    });
    const all = encodeURIComponent('{"dangling":["false"]}');
    expect((await api.call('POST', `/images/prune?filters=${all}`)).json()).toMatchObject({
      ImagesDeleted: [{ Untagged: 'redis:7' }, { Deleted: expect.stringMatching(/^sha256:/) }],
    });
    const used = await api.call('DELETE', '/images/used');
    expect([used.status, used.text]).toEqual([409, expect.stringContaining('is using its referenced image')]);
  });

  it('says that there is no stats of a container that exists', async () => {
    await using api = await createTestApi();
    await api.model.containers.create({ image: 'x', name: 'c1' });
    const answer = await api.call('GET', '/containers/c1/stats');
    expect(answer.json()).toEqual({ message: 'GET /containers/c1/stats is not supported by Fairlead' });
  });

  it('lists services in Swarm’s shape from 1.24 on', async () => {
    await using api = await createTestApi();
    const { service } = await api.model.services.publish('db');
    expect((await api.call('GET', '/v1.44/services')).json()).toMatchObject([
      {
        ID: service.id,
        Spec: { Name: 'db.bridge', Mode: { Replicated: { Replicas: 1 } } },
        ServiceStatus: { RunningTasks: 0, DesiredTasks: 1 },
      },
    ]);
  });
});

describe('Fairlead’s own calls', () => {
  it('probe a name as a container sees it', async () => {
    await using api = await createTestApi();
    await api.model.networks.create({ name: 'foo' });
    for (const name of ['c1', 'c2']) {
      await api.model.containers.create({ name, image: 'x', networkMode: 'foo' });
      await api.model.containers.start(name);
    }
    expect((await api.call('GET', '/fairlead/probe?container=c2&name=c1')).json()).toMatchObject({
      verdict: 'answered',
      rcode: 'NOERROR',
      answers: [{ address: '172.18.0.2', network: 'foo', reachable: true }],
    });
    const bare = await api.call('GET', '/fairlead/probe?container=c2');
    expect([bare.status, bare.json()]).toEqual([400, { message: 'the query needs name=…' }]);
    expect((await api.call('GET', '/fairlead/probe?container=nope&name=x')).status).toBe(404);
  });

  it('dump DNS and resync it', async () => {
    await using api = await createTestApi();
    expect((await api.call('GET', '/v1.44/fairlead/dns')).status).toBe(200);
    expect((await api.call('POST', '/fairlead/dns/resync')).status).toBe(200);
  });

  it('give metrics in the text format of Prometheus', async () => {
    await using api = await createTestApi();
    await api.model.services.publish('db');
    await api.model.containers.create({ name: 'c1', image: 'x' });
    const { headers, text } = await api.call('GET', '/metrics');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    for (const line of samples)
      expect(line).toMatch(/^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+]+$/);
    expect(samples).toEqual(
      expect.arrayContaining([
        'fairlead_info{version="0.1.0",mode="simulated"} 1',
        'fairlead_networks{scope="local"} 3',
        'fairlead_services 1',
        'fairlead_services_provided 0',
        'fairlead_containers{state="created"} 1',
        'fairlead_dns_queries_total{transport="udp"} 0',
        expect.stringMatching(/^fairlead_store_reachable\{store=".+"\} 1$/),
        expect.stringMatching(/^fairlead_event_loop_delay_seconds\{quantile="1"\} [0-9.e-]+$/),
      ]),
    );
  });
});
