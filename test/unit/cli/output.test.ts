import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, runCli } from '../../rig/cli.ts';

const id = (digit: string) => digit.repeat(64);
const network = (digit: string, Name: string, Driver: string, second: number, more = {}) => ({
  Name,
  Id: id(digit),
  Created: `2026-01-01T00:00:0${second}.5Z`,
  Scope: 'local',
  Driver,
  EnableIPv4: true,
  EnableIPv6: false,
  Internal: false,
  Labels: {},
  ...more,
});
/** As the daemon lists them: by name. */
const networks = [
  network('a', 'bar', 'bridge', 4, { Labels: { b: '2', a: '1' } }),
  network('b', 'bridge', 'bridge', 3),
  network('c', 'foo', 'bridge', 2),
  network('d', 'host', 'host', 2),
  network('e', 'none', 'null', 1),
];
const provider = (digit: string) => ({
  container_id: id(digit),
  container_name: `c${digit}`,
  node: id('9'),
  ipv4: '172.18.0.2',
  ipv6: '',
});
const service = (digit: string, name: string, on: string, providers: unknown[] = []) => ({
  id: id(digit),
  name,
  network: on,
  providers,
});

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
  daemon.on('GET /networks', { json: networks });
});
afterEach(() => daemon[Symbol.asyncDispose]());

const stdoutOf = async (...argv: string[]) => {
  const { code, stdout, stderr } = await daemon.run(...argv);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
};

describe('network ls', () => {
  it("prints the seed's table: predefined first, then as created", async () => {
    expect(await stdoutOf('network', 'ls')).toBe(
      [
        'NETWORK ID          NAME                TYPE',
        'eeeeeeeeeeee        none                null',
        'dddddddddddd        host                host',
        'bbbbbbbbbbbb        bridge              bridge',
        'cccccccccccc        foo                 bridge',
        'aaaaaaaaaaaa        bar                 bridge',
        '',
      ].join('\n'),
    );
  });

  it('cuts ids unless told otherwise; -q prints nothing else; -l and -n show the newest', async () => {
    expect(await stdoutOf('network', 'ls', '-q')).toBe(
      'eeeeeeeeeeee\ndddddddddddd\nbbbbbbbbbbbb\ncccccccccccc\naaaaaaaaaaaa\n',
    );
    expect(await stdoutOf('network', 'ls', '-q', '--no-trunc', '-l')).toBe(`${id('a')}\n`);
    expect(await stdoutOf('network', 'ls', '-q', '-n', '2')).toBe('cccccccccccc\naaaaaaaaaaaa\n');
    const wide = await stdoutOf('network', 'ls', '--no-trunc');
    expect(wide).toMatch(
      new RegExp(`^NETWORK ID {57}NAME                TYPE\n${id('e')}   none                null\n`),
    );
  });

  it("prints today's columns, by name, with --format", async () => {
    expect(await stdoutOf('network', 'ls', '--format', 'table')).toBe(
      [
        'NETWORK ID     NAME      DRIVER    SCOPE',
        'aaaaaaaaaaaa   bar       bridge    local',
        'bbbbbbbbbbbb   bridge    bridge    local',
        'cccccccccccc   foo       bridge    local',
        'dddddddddddd   host      host      local',
        'eeeeeeeeeeee   none      null      local',
        '',
      ].join('\n'),
    );
    expect(
      await stdoutOf('network', 'ls', '--format', 'table {{.Name}}\\t{{.Labels}}\\t{{.Label "a"}}'),
    ).toMatch(/^NAME {6}LABELS {4}a\nbar {7}a=1,b=2 {3}1\n/);
    expect(await stdoutOf('network', 'ls', '--format', '{{.Name}}:{{.Scope}}')).toMatch(
      /^bar:local\nbridge:local\n/,
    );
    const [first = ''] = (await stdoutOf('network', 'ls', '--format', 'json')).split('\n');
    expect(first).toBe(
      '{"CreatedAt":"2026-01-01 00:00:04.5 +0000 UTC","Driver":"bridge","ID":"aaaaaaaaaaaa","IPv4":"true","IPv6":"false","Internal":"false","Labels":"a=1,b=2","Name":"bar","Scope":"local"}',
    );
    expect(await stdoutOf('network', 'ls', '--format', 'raw')).toMatch(
      /^network_id: aaaaaaaaaaaa\nname: bar\ndriver: bridge\nscope: local\n\n/,
    );
  });

  it('sends filters as the Engine takes them', async () => {
    await stdoutOf('network', 'ls', '-f', 'name=x', '-f', 'driver=bridge');
    const url = new URL(daemon.asked[0]?.url ?? '', 'http://d');
    expect(JSON.parse(url.searchParams.get('filters') ?? '')).toEqual({
      name: { x: true },
      driver: { bridge: true },
    });
  });

  it('names the field that a format does not have', async () => {
    expect(await daemon.run('network', 'ls', '--format', '{{.Bogus}}')).toEqual({
      code: 1,
      stdout: '',
      stderr: `template parsing error: template: :1:2: executing "" at <.Bogus>: can't evaluate field Bogus in type *network.networkContext\n`,
    });
  });
});

describe('network create, info, rm, inspect, connect, prune', () => {
  it('create sends what today sends, and prints the id', async () => {
    daemon.on('POST /networks/create', { status: 201, json: { Id: id('f'), Warning: '' } });
    const words = [
      '-d',
      'overlay',
      '--subnet',
      '10.1.0.0/16',
      '--gateway',
      '10.1.0.1',
      '--ip-range',
      '10.1.2.0/24',
      '--aux-address',
      'a=10.1.0.9',
      '--internal',
      '-o',
      'x=1',
      '--label',
      'l',
      'bar',
    ];
    expect(await stdoutOf('network', 'create', ...words)).toBe(`${id('f')}\n`);
    expect(daemon.asked[0]?.body).toEqual({
      Name: 'bar',
      CheckDuplicate: true,
      Driver: 'overlay',
      Scope: '',
      IPAM: {
        Driver: 'default',
        Options: {},
        Config: [
          {
            Subnet: '10.1.0.0/16',
            IPRange: '10.1.2.0/24',
            Gateway: '10.1.0.1',
            AuxiliaryAddresses: { a: '10.1.0.9' },
          },
        ],
      },
      Internal: true,
      Attachable: false,
      Ingress: false,
      ConfigOnly: false,
      ConfigFrom: null,
      Options: { x: '1' },
      Labels: { l: '' },
    });
  });

  it.each([
    [['--gateway', '10.0.0.1'], 'every ip-range or gateway must have a corresponding subnet'],
    [['--subnet', '10.1.0.0/16', '--gateway', '10.70.0.1'], 'no matching subnet for gateway 10.70.0.1'],
    [['--subnet', '10.1.0.0/16', '--ip-range', '10.70.0.0/24'], 'no matching subnet for range 10.70.0.0/24'],
    [
      ['--subnet', '10.1.0.0/16', '--aux-address', 'a=10.70.0.1'],
      'no matching subnet for aux-address 10.70.0.1',
    ],
    [
      ['--subnet', '10.1.0.0/16', '--subnet', '10.1.2.0/24'],
      'multiple overlapping subnet configuration is not supported',
    ],
  ])('create refuses %j before it calls', async (words, message) => {
    expect(await daemon.run('network', 'create', ...words, 'x')).toEqual({
      code: 1,
      stdout: '',
      stderr: `${message}\n`,
    });
    expect(daemon.asked).toEqual([]);
  });

  it('info prints three lines', async () => {
    daemon.on('GET /networks/foo', { json: networks[2] });
    expect(await stdoutOf('network', 'info', 'foo')).toBe(
      `Network Id: ${id('c')}\nName: foo\nType: bridge\n`,
    );
  });

  it('rm prints each name, tells what failed and goes on', async () => {
    daemon
      .on('DELETE /networks/bar', { status: 204 })
      .on('DELETE /networks/none', {
        status: 403,
        json: { message: 'none is a pre-defined network and cannot be removed' },
      })
      .on('DELETE /networks/nope', { status: 404, json: { message: 'network nope not found' } });
    expect(await daemon.run('network', 'rm', 'none', 'bar', 'nope')).toEqual({
      code: 1,
      stdout: 'bar\n',
      stderr:
        'Error response from daemon: none is a pre-defined network and cannot be removed\nError response from daemon: network nope not found\n',
    });
    expect(await stdoutOf('network', 'rm', '-f', 'nope')).toBe('');
  });

  it('inspect prints those found, then what was not', async () => {
    daemon
      .on('GET /networks/foo', { json: { Name: 'foo', Labels: {} } })
      .on('GET /networks/nope', { status: 404, json: { message: 'network nope not found' } });
    expect(await daemon.run('network', 'inspect', 'nope', 'foo')).toEqual({
      code: 1,
      stdout: '[\n    {\n        "Name": "foo",\n        "Labels": {}\n    }\n]\n',
      stderr: 'Error response from daemon: network nope not found\n',
    });
    expect(await stdoutOf('network', 'inspect', '-f', '{{.Name}}', 'foo', 'foo')).toBe('foo\nfoo\n');
    expect(await stdoutOf('network', 'inspect', '-f', 'json', 'foo')).toBe('[{"Name":"foo","Labels":{}}]\n');
    expect(await daemon.run('network', 'inspect', '-f', '{{.Name', 'foo')).toEqual({
      code: 64,
      stdout: '',
      stderr: 'template parsing error: template: :1: unclosed action\n',
    });
  });

  it('connect and disconnect send what today sends, and print nothing', async () => {
    daemon.on('POST /networks/foo/connect', {}).on('POST /networks/foo/disconnect', {});
    expect(await stdoutOf('network', 'connect', '--alias', 'a,b', '--ip', '10.0.0.9', 'foo', 'c1')).toBe('');
    expect(await stdoutOf('network', 'disconnect', '-f', 'foo', 'c1')).toBe('');
    expect(daemon.asked.map(({ body }) => body)).toEqual([
      {
        Container: 'c1',
        EndpointConfig: {
          IPAMConfig: { IPv4Address: '10.0.0.9' },
          Links: [],
          Aliases: ['a', 'b'],
          DriverOpts: {},
          GwPriority: 0,
        },
      },
      { Container: 'c1', Force: true },
    ]);
  });

  it('prune asks first; only y is yes', async () => {
    daemon.on('POST /networks/prune', { json: { NetworksDeleted: ['g2', 'g1'] } });
    const question =
      'WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue? [y/N] ';
    const answered = (stdin: string) => runCli(['network', 'prune'], { host: daemon.host, stdin });
    expect(await answered('n\n')).toEqual({ code: 0, stdout: question, stderr: '' });
    expect(await answered('')).toEqual({ code: 0, stdout: question, stderr: '' });
    expect(daemon.asked).toEqual([]);
    expect((await answered('Y\n')).stdout).toBe(`${question}Deleted Networks:\ng2\ng1\n\n`);
    daemon.on('POST /networks/prune', { json: { NetworksDeleted: null } });
    expect(await stdoutOf('network', 'prune', '-f')).toBe('');
  });
});

describe('service', () => {
  const services = '/v1.23/services';

  it("ls prints the seed's table", async () => {
    const row = (digit: string, name: string, network: string, providers: string) =>
      [digit.repeat(12), name, network, providers].join('\t');
    daemon.on(`GET ${services}`, {
      text: [
        row('3', 'web', 'bar', 'c1,c2'),
        row('2', 'wéb', 'foo', 'c3'),
        row('1', 'x', 'foo', ''),
        '',
      ].join('\n'),
    });
    expect(await stdoutOf('service', 'ls')).toBe(
      [
        'SERVICE ID          NAME                NETWORK             PROVIDER',
        '333333333333        web                 bar                 c1,c2',
        '222222222222        wéb                 foo                 c3',
        '111111111111        x                   foo                 ',
        '',
      ].join('\n'),
    );
    daemon.on('GET /networks/foo', { json: networks[2] });
    expect(await stdoutOf('service', 'ls', '-q', '-net', 'foo')).toBe(
      '333333333333\n222222222222\n111111111111\n',
    );
    expect(daemon.asked.at(-1)?.url).toBe(`${services}?network=${id('c')}&brief=1`);
  });

  it('ls prints the same of an older daemon, by name', async () => {
    daemon.on(`GET ${services}`, {
      json: [service('2', 'my-service', 'foo', [provider('a')]), service('1', 'db', 'foo')],
    });
    expect(await stdoutOf('service', 'ls')).toBe(
      [
        'SERVICE ID          NAME                NETWORK             PROVIDER',
        '111111111111        db                  foo                 ',
        '222222222222        my-service          foo                 aaaaaaaaaaaa',
        '',
      ].join('\n'),
    );
  });

  it('ls asks for everything where whole ids or other columns are to be shown', async () => {
    daemon.on(`GET ${services}`, {
      json: [
        service('2', 'my-service', 'foo', [provider('a')]),
        service('1', 'db', 'foo'),
        service('3', 'web', 'bar', [provider('b'), provider('c')]),
      ],
    });
    expect(await stdoutOf('service', 'ls', '--no-trunc', '-q')).toBe(`${id('1')}\n${id('2')}\n${id('3')}\n`);
    expect(daemon.asked.at(-1)?.url).toBe(services);
    expect(await stdoutOf('service', 'ls', '--no-trunc')).toContain(
      `${id('3')}   web                 bar                 ${id('b')},${id('c')}\n`,
    );
    expect(await stdoutOf('service', 'ls', '-a', '--format', '{{.Name}} {{.ProviderName}} {{.Shared}}')).toBe(
      'db  false\nmy-service ca false\nweb cb,cc false\n',
    );
  });

  it('ls of a network that does not exist is an error, in every format', async () => {
    daemon.on('GET /networks/fooo', { status: 404, json: { message: 'network fooo not found' } });
    daemon.on(`GET ${services}`, { text: 'null\n' });
    for (const more of [[], ['-q'], ['--no-trunc'], ['--format', 'json']]) {
      expect(await daemon.run('service', 'ls', '--network', 'fooo', ...more)).toEqual({
        code: 1,
        stdout: '',
        stderr: 'Error response from daemon: network fooo not found\nDid you mean "foo"?\n',
      });
    }
  });

  it('ls of nothing prints the header', async () => {
    daemon.on(`GET ${services}`, { text: 'null\n' });
    expect(await stdoutOf('service', 'ls')).toBe(
      'SERVICE ID          NAME                NETWORK             PROVIDER\n',
    );
  });

  it('publish prints the id; its errors are plain text', async () => {
    daemon.on(`POST ${services}`, { status: 201, text: `"${id('5')}"\n` });
    expect(
      await stdoutOf('service', 'publish', '--shared', '--alias', 'a,b', '--expose', '53/udp', 'db.foo'),
    ).toBe(`${id('5')}\n`);
    expect(daemon.asked[0]?.body).toEqual({
      ref: 'db.foo',
      shared: true,
      my_aliases: ['a', 'b'],
      exposed_ports: [{ Proto: 17, Port: 53 }],
    });
    daemon.on(`POST ${services}`, {
      status: 403,
      text: 'service with name db already exists on network foo\n',
    });
    expect(await daemon.run('service', 'publish', 'db.foo')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Error response from daemon: service with name db already exists on network foo\n',
    });
  });

  it('attach is one call; detach, unpublish and info find the service first', async () => {
    const path = `${services}/${id('2')}`;
    daemon.on(`GET ${services}`, { json: [service('2', 'db', 'foo')] });
    daemon
      .on(`POST ${services}/db.foo/backend`, { text: '"/x"' })
      .on(`DELETE ${path}/backend/c1`, {})
      .on(`DELETE ${path}`, {});
    expect(await stdoutOf('service', 'attach', 'c1', 'db.foo')).toBe('');
    expect(await stdoutOf('service', 'detach', 'c1', 'db.foo')).toBe('');
    expect(await stdoutOf('service', 'unpublish', '-f', 'db.foo')).toBe('');
    expect(await stdoutOf('service', 'info', 'db.foo')).toBe(
      `Service Id: ${id('2')}\n\tName: db\n\tNetwork: foo\n`,
    );
    expect(
      daemon.asked
        .filter(({ method }) => method !== 'GET')
        .map(({ method, url, body }) => [method, url, body]),
    ).toEqual([
      ['POST', `${services}/db.foo/backend?ref=1`, { container_id: 'c1' }],
      ['DELETE', `${path}/backend/c1`, undefined],
      ['DELETE', `${path}?force=1`, undefined],
    ]);
    expect(daemon.asked[1]?.url).toBe(`${services}?ref=db.foo`);
  });
});

describe('containers', () => {
  it('run -d creates, starts and prints the id', async () => {
    daemon
      .on('POST /containers/create', { status: 201, json: { Id: id('7'), Warnings: ['careful'] } })
      .on(`POST /containers/${id('7')}/start`, { status: 204 });
    const words = [
      '-itd',
      '--name',
      'web',
      '--net',
      'foo',
      '--network-alias',
      'w',
      '-e',
      'A=1',
      '-e',
      'HOME',
      '-p',
      '8080:80',
      '--publish-service',
      'db.foo',
      'image',
      'ls',
      '-l',
    ];
    expect(await runCli(['run', ...words], { host: daemon.host, env: { HOME: '/h' } })).toEqual({
      code: 0,
      stdout: `${id('7')}\n`,
      stderr: 'WARNING: careful\n',
    });
    const [create] = daemon.asked;
    expect(create?.url).toBe('/containers/create?name=web');
    expect(create?.body).toMatchObject({
      Image: 'image',
      Cmd: ['ls', '-l'],
      Entrypoint: null,
      Tty: true,
      OpenStdin: true,
      AttachStdin: false,
      AttachStdout: false,
      Env: ['A=1', 'HOME=/h'],
      PublishService: 'db.foo',
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { NetworkMode: 'foo', PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } },
      NetworkingConfig: { EndpointsConfig: { foo: { Aliases: ['w'] } } },
    });
  });

  it('run takes the long form of --network, several times', async () => {
    daemon
      .on('POST /containers/create', { status: 201, json: { Id: id('7') } })
      .on(`POST /containers/${id('7')}/start`, { status: 204 });
    await stdoutOf(
      'run',
      '-d',
      '--network',
      'name=a,alias=x,ip=10.0.0.5,gw-priority=2',
      '--network',
      'b',
      'image',
    );
    expect(daemon.asked[0]?.body).toMatchObject({
      HostConfig: { NetworkMode: 'a' },
      NetworkingConfig: {
        EndpointsConfig: {
          a: { Aliases: ['x'], IPAMConfig: { IPv4Address: '10.0.0.5' }, GwPriority: 2 },
          b: {},
        },
      },
    });
    expect(
      (await daemon.run('run', '--network', 'name=a,alias=x', '--network-alias', 'y', 'image')).stderr,
    ).toBe('conflicting options: cannot specify both --network-alias and per-network alias\n');
  });

  it.each([
    ['network nope not found', 125],
    ['exec: "nope": executable file not found in $PATH', 127],
    ['exec: "/etc/passwd": permission denied', 126],
  ])('run ends with the code for: %s', async (message, code) => {
    daemon
      .on('POST /containers/create', { status: 201, json: { Id: id('7') } })
      .on(`POST /containers/${id('7')}/start`, { status: 400, json: { message } });
    expect(await daemon.run('run', '-d', 'image')).toEqual({
      code,
      stdout: '',
      stderr: `Error response from daemon: ${message}\n`,
    });
  });

  it('run --rm leaves it to the daemon to remove what could not start', async () => {
    daemon
      .on('POST /containers/create', { status: 201, json: { Id: id('7') } })
      .on(`POST /containers/${id('7')}/start`, { status: 400, json: { message: 'no' } });
    expect((await daemon.run('run', '-d', '--rm', 'image')).code).toBe(125);
    expect(daemon.asked.at(-1)).toMatchObject({ method: 'POST', url: `/containers/${id('7')}/start` });
  });

  it('run says why nothing can be attached, and leaves no container', async () => {
    daemon
      .on('POST /containers/create', { status: 201, json: { Id: id('7') } })
      .on(`POST /containers/${id('7')}/attach`, { status: 501, json: { message: 'containers are records' } })
      .on(`DELETE /containers/${id('7')}`, { status: 204 });
    expect(await daemon.run('run', 'image', 'ls')).toEqual({
      code: 125,
      stdout: '',
      stderr: 'Error response from daemon: containers are records\n',
    });
    expect(daemon.asked.at(-1)).toMatchObject({ method: 'DELETE' });
  });

  it('ps prints 20-column tables', async () => {
    daemon.on('GET /containers/json', {
      json: [
        {
          Id: id('7'),
          Names: ['/web'],
          Image: 'alpine',
          Command: 'sleep 1000000000000000',
          Created: Date.now() / 1000 - 61,
          State: 'running',
          Status: 'Up About a minute',
          Ports: [{ PrivatePort: 80, PublicPort: 8080, IP: '0.0.0.0', Type: 'tcp' }],
          Labels: {},
        },
      ],
    });
    expect(await stdoutOf('ps')).toBe(
      'CONTAINER ID        IMAGE               COMMAND                  CREATED              STATUS              PORTS                  NAMES\n' +
        '777777777777        alpine              "sleep 1000000000000…"   About a minute ago   Up About a minute   0.0.0.0:8080->80/tcp   web\n',
    );
    expect(await stdoutOf('ps', '-aq')).toBe('777777777777\n');
    expect(daemon.asked.at(-1)?.url).toBe('/containers/json?all=1');
  });

  it('rm, stop, start and kill go on after an error', async () => {
    daemon
      .on('DELETE /containers/a', { status: 204 })
      .on('DELETE /containers/b', { status: 404, json: { message: 'No such container: b' } });
    expect(await daemon.run('rm', 'b', 'a')).toEqual({
      code: 1,
      stdout: 'a\n',
      stderr: 'Error response from daemon: No such container: b\n',
    });
    expect((await daemon.run('rm', '-f', 'b')).code).toBe(0);
  });

  it('inspect looks for a container, then for a network', async () => {
    daemon.on('GET /networks/foo', { json: { Name: 'foo' } });
    expect(await stdoutOf('inspect', '-f', '{{.Name}}', 'foo')).toBe('foo\n');
    expect(await daemon.run('inspect', 'nope')).toEqual({
      code: 1,
      stdout: '[]\n',
      stderr: 'Error: No such object: nope\n',
    });
  });

  it('events have their times to the digit, of which a number keeps sixteen', async () => {
    const actor = { ID: 'x', Attributes: { name: 'foo', type: 'bridge' } };
    const line = (nanos: string) =>
      `${JSON.stringify({ Type: 'network', Action: 'create', Actor: actor }).slice(0, -1)},"timeNano":${nanos}}\n`;
    const times = ['1796024496529000000', '1796024496000000001', '1796024496999999999'];
    daemon.on('GET /events', { text: times.map(line).join('') });
    expect(await stdoutOf('events')).toBe(
      ['529000000', '000000001', '999999999']
        .map((nanos) => `2026-11-30T07:41:36.${nanos}Z network create x (name=foo, type=bridge)\n`)
        .join(''),
    );
    expect(await stdoutOf('events', '--format', '{{.timeNano}} {{json .}}')).toBe(
      times.map((nanos) => `${nanos} ${line(nanos)}`).join(''),
    );
  });

  it('logs takes frames apart', async () => {
    const frame = (stream: number, text: string) =>
      Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]).toString(
        'latin1',
      );
    daemon
      .on('GET /containers/web/json', { json: { Id: id('7'), State: { Running: true }, Config: {} } })
      .on(`GET /containers/${id('7')}/logs`, { text: frame(1, 'out\n') + frame(2, 'err\n') });
    expect(await daemon.run('logs', '--tail', '5', 'web')).toEqual({
      code: 0,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(daemon.asked.at(-1)?.url).toBe(`/containers/${id('7')}/logs?stdout=1&stderr=1&tail=5`);
  });
});

describe('a daemon that cannot be asked', () => {
  it('is told how to start', async () => {
    expect(await runCli(['network', 'ls'], { host: 'unix:///nonexistent/d.sock' })).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'Cannot connect to the Fairlead daemon at unix:///nonexistent/d.sock. Is the daemon running? Start it with: fairlead daemon\n',
    });
  });

  it.each([
    ['network ls', 'GET /networks', [{ Id: 7 }], 'no string at 0.Id'],
    [
      'service ls',
      'GET /v1.23/services',
      [service('1', 'db', 'foo'), { name: 'web' }],
      'no list of services',
    ],
    [
      'service ls',
      'GET /v1.23/services',
      [{ id: '1', name: 'db', network: 'foo', providers: [7] }],
      'no list of services',
    ],
  ])('nor one that answers %s with something else', async (words, path, json, what) => {
    daemon.on(path, { json });
    expect(await daemon.run(...words.split(' '))).toEqual({
      code: 1,
      stdout: '',
      stderr: `unexpected answer from the daemon at ${daemon.host}: ${what}. Is it Fairlead, and of this version?\n`,
    });
  });

  it('is looked for where the user has it', async () => {
    const { stderr } = await runCli(['network', 'ls'], { env: { XDG_RUNTIME_DIR: '/nonexistent' } });
    expect(stderr).toContain('at unix:///nonexistent/fairlead.sock. ');
  });

  it('is not looked for at DOCKER_HOST', async () => {
    process.env.DOCKER_HOST = 'not a host';
    try {
      expect(await stdoutOf('network', 'ls', '-q', '-l')).toBe('aaaaaaaaaaaa\n');
    } finally {
      delete process.env.DOCKER_HOST;
    }
  });
});
