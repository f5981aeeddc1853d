import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon } from '../../rig/cli.ts';

const id = (digit: string) => digit.repeat(64);
const time = '2026-01-01T00:00:00.250Z';
const network = { id: id('a'), name: 'foo', driver: 'overlay' };
const endpoint = {
  ...{ id: id('e'), name: 'db', network: id('a'), nodeName: 'h2', containerName: 'pg1' },
  ...{ ipv4: '10.0.0.2/24', healthy: true },
};
const messages = [
  ['snapshot', { time, nodes: [], networks: [network], services: [], endpoints: [] }],
  ['node', { action: 'joined', time, node: { id: id('b'), name: 'h2', state: 'alive' } }],
  [
    'service',
    { action: 'created', time, service: { id: id('c'), name: 'db', network: id('a'), providers: [] } },
  ],
  ['endpoint', { action: 'created', time, endpoint }],
  [
    'endpoint',
    { action: 'changed', time, endpoint: { ...endpoint, containerName: '\u001b[2Jpg1', healthy: false } },
  ],
  ['network', { action: 'removed', time, network }],
] as const;

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
  const text = messages
    .map(([kind, data], at) => `id: 0123456789ab-${at}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`)
    .join('');
  daemon.on('GET /fairlead/watch', { text });
});
afterEach(() => daemon[Symbol.asyncDispose]());

describe('events --cluster', () => {
  it('writes what comes after the snapshot, one line each, names for ids', async () => {
    expect(await daemon.run('events', '--cluster')).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        `${time} node joined ${id('b')} (name=h2, state=alive)`,
        `${time} service created ${id('c')} (name=db, network=foo, providers=0)`,
        `${time} endpoint created ${id('e')} (name=db, container=pg1, node=h2, network=foo, address=10.0.0.2/24)`,
        `${time} endpoint changed ${id('e')} (name=db, container=\\u001b[2Jpg1, node=h2, network=foo, address=10.0.0.2/24, healthy=false)`,
        `${time} network removed ${id('a')} (name=foo, type=overlay)`,
        '',
      ].join('\n'),
    });
  });

  it('takes a type, a format and until', async () => {
    const { stdout } = await daemon.run(
      ...['events', '--cluster', '-f', 'type=endpoint', '--until', '1767225600'],
      ...['--format', '{{.action}} {{.endpoint.containerName}}'],
    );
    expect(stdout).toBe('created pg1\nchanged \\u001b[2Jpg1\n');
    expect(daemon.asked.map(({ url }) => url)).toEqual(['/fairlead/watch?until=1767225600']);
    const json = await daemon.run('events', '--cluster', '-f', 'type=network', '--format', 'json');
    expect(JSON.parse(json.stdout)).toEqual({ action: 'removed', time, network });
  });

  it('refuses what it cannot do, before anything is asked', async () => {
    expect(await daemon.run('events', '--cluster', '--since', '1h')).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('--cluster shows what comes from now on: it takes no --since'),
    });
    expect(await daemon.run('events', '--cluster', '-f', 'container=x')).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('"container=x" is no filter of --cluster: expected type=node'),
    });
    expect(daemon.asked).toEqual([]);
  });
});
