import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeDaemon, runCli } from '../../rig/cli.ts';

const id = (digit: string) => digit.repeat(64);
const nodes = [
  {
    id: id('a'),
    name: 'h1',
    advertise: '192.0.2.1',
    version: '0.1.0',
    started: '2026-01-01T00:00:00Z',
    self: false,
  },
  { id: id('b'), name: 'h2', version: '0.1.0', started: '2026-01-01T00:00:01Z', self: true },
];
const lost = {
  ...{ id: id('c'), name: 'h3', advertise: '192.0.2.3', version: '0.1.0', started: '', self: false },
  ...{ state: 'lost', lastSeen: '2026-01-01T00:00:00.000Z' },
};

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
  daemon.on('GET /fairlead/nodes', { json: nodes });
});
afterEach(async () => {
  vi.useRealTimers();
  await daemon[Symbol.asyncDispose]();
});

const stdoutOf = async (...argv: string[]) => {
  const { code, stdout, stderr } = await daemon.run(...argv);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
};

describe('node ls', () => {
  it('prints a table, marks the node that was asked, and says since when one is lost', async () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 0, 2), toFake: ['Date'] });
    daemon.on('GET /fairlead/nodes', { json: [...nodes, lost] });
    expect(await stdoutOf('node', 'ls')).toBe(
      [
        'NODE ID             NAME                ADVERTISE           VERSION             STATE                SELF',
        'aaaaaaaaaaaa        h1                  192.0.2.1           0.1.0               alive                ',
        'bbbbbbbbbbbb        h2                  -                   0.1.0               alive                *',
        'cccccccccccc        h3                  192.0.2.3           0.1.0               lost 2 minutes ago   ',
        '',
      ].join('\n'),
    );
  });

  it('-q, --no-trunc and --format', async () => {
    expect(await stdoutOf('node', 'ls', '-q')).toBe('aaaaaaaaaaaa\nbbbbbbbbbbbb\n');
    expect(await stdoutOf('node', 'ls', '-q', '--no-trunc')).toBe(`${id('a')}\n${id('b')}\n`);
    expect(await stdoutOf('node', 'ls', '--format', '{{.Name}} {{.Self}}')).toBe('h1 false\nh2 true\n');
    expect((await stdoutOf('node', 'ls', '--format', 'json')).split('\n')[0]).toBe(
      '{"Advertise":"192.0.2.1","ID":"aaaaaaaaaaaa","LastSeen":"","Name":"h1","Self":"false","Started":"2026-01-01T00:00:00Z","State":"alive","Version":"0.1.0"}',
    );
    expect(await stdoutOf('node', 'list', '--format', 'table')).toMatch(
      /^NODE ID +NAME +ADVERTISE +VERSION +STATE +SELF\n/,
    );
  });
});

describe('info', () => {
  it('says of a store that is away how old the data is, since when and why', async () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 0, 0, 12), toFake: ['Date'] });
    const stores = [
      { name: 'embedded', reachable: true, since: 0 },
      { name: 'etcd:h:2379', reachable: false, since: Date.UTC(2026, 0, 1), reason: 'connect ECONNREFUSED' },
    ];
    daemon.on('GET /info', { json: { Fairlead: { mode: 'simulated', stores } } });
    expect((await stdoutOf('info')).split('\n').filter((line) => line.startsWith('Store: '))).toEqual([
      'Store: embedded (reachable)',
      'Store: etcd:h:2379 (degraded, data 12 s old: unreachable since 2026-01-01T00:00:00.000Z: connect ECONNREFUSED)',
    ]);
  });

  it('is green and red on a terminal, unless NO_COLOR is set; what the daemon says has no colour of its own', async () => {
    const stores = [
      { name: 'embedded', reachable: true, since: 0 },
      { name: 'etcd:h:2379', reachable: true, since: 0, degraded: 'full\u001b[32m' },
    ];
    const dns = {
      listeners: [
        { address: '127.0.0.1', port: 5354, state: 'listening' },
        { address: '172.17.0.1', port: 53, state: 'degraded', reason: 'EADDRINUSE' },
      ],
    };
    daemon.on('GET /info', { json: { Fairlead: { mode: 'simulated', stores, dns } } });
    const lines = async (env = {}) => {
      const { stdout } = await runCli(['info'], { host: daemon.host, columns: 80, env });
      return stdout.split('\n').filter((line) => /^(Store|DNS): /.test(line));
    };
    expect(await lines()).toEqual([
      'Store: \u001b[32membedded (reachable)\u001b[0m',
      'Store: \u001b[31metcd:h:2379 (degraded: full\\u001b[32m)\u001b[0m',
      'DNS: \u001b[32m127.0.0.1:5354 listening\u001b[0m',
      'DNS: \u001b[31m172.17.0.1:53 degraded: EADDRINUSE\u001b[0m',
    ]);
    expect(await lines({ NO_COLOR: '1' })).toEqual([
      'Store: embedded (reachable)',
      'Store: etcd:h:2379 (degraded: full\\u001b[32m)',
      'DNS: 127.0.0.1:5354 listening',
      'DNS: 172.17.0.1:53 degraded: EADDRINUSE',
    ]);
  });
});
