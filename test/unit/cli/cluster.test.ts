import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeDaemon } from '../../rig/cli.ts';

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
  it('prints a table, and marks the node that was asked', async () => {
    expect(await stdoutOf('node', 'ls')).toBe(
      [
        'NODE ID             NAME                ADVERTISE           VERSION             SELF',
        'aaaaaaaaaaaa        h1                  192.0.2.1           0.1.0               ',
        'bbbbbbbbbbbb        h2                  -                   0.1.0               *',
        '',
      ].join('\n'),
    );
  });

  it('-q, --no-trunc and --format', async () => {
    expect(await stdoutOf('node', 'ls', '-q')).toBe('aaaaaaaaaaaa\nbbbbbbbbbbbb\n');
    expect(await stdoutOf('node', 'ls', '-q', '--no-trunc')).toBe(`${id('a')}\n${id('b')}\n`);
    expect(await stdoutOf('node', 'ls', '--format', '{{.Name}} {{.Self}}')).toBe('h1 false\nh2 true\n');
    expect((await stdoutOf('node', 'ls', '--format', 'json')).split('\n')[0]).toBe(
      '{"Advertise":"192.0.2.1","ID":"aaaaaaaaaaaa","Name":"h1","Self":"false","Started":"2026-01-01T00:00:00Z","Version":"0.1.0"}',
    );
    expect(await stdoutOf('node', 'list', '--format', 'table')).toMatch(
      /^NODE ID +NAME +ADVERTISE +VERSION +SELF\n/,
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
});
