import { afterAll, beforeAll, expect, it } from 'vitest';
import { runToEnd } from '../rig/daemon.ts';
import { DnsServer } from '../rig/dns-server.ts';
import { EngineHost } from '../rig/engine-host.ts';
import { TestHost } from '../rig/namespace.ts';
import { Reaper } from '../rig/reaper.ts';

/** The address that the containers of an Engine ask (docs/docker-engine.md): whom it answers, and for whom it asks. */
const resolver = '169.254.53.53';
const reaper = new Reaper();
let neighbour: TestHost;
let host: EngineHost;
let upstream: DnsServer;

beforeAll(async () => {
  const [network, beyond] = [await TestHost.create(), await TestHost.create()];
  neighbour = await TestHost.create();
  for (const { name } of [network, beyond, neighbour]) reaper.namespace(name);
  const device = 'up0';
  await network.wire({ device: 'lan0', address: '192.0.2.1/24' }, neighbour, {
    device,
    address: '192.0.2.9/24',
  });
  await network.wire({ device: 'wan0', address: '203.0.113.1/24' }, beyond, {
    device,
    address: '203.0.113.2/24',
  });
  await network.run('ip', 'route', 'add', 'default', 'via', '203.0.113.2');
  await neighbour.run('ip', 'route', 'add', resolver, 'via', '192.0.2.1');
  upstream = await DnsServer.start(beyond.path, '203.0.113.2');
  const flags = ['--dns-listen', 'none', '--dns', '203.0.113.2'];
  host = await EngineHost.create({ network, name: 'host1', reaper, flags, config: { dns: [resolver] } });
  await host.startDaemon();
  await host.dropInOk('network', 'create', '-d', 'bridge', 'open');
  await host.dropInOk('network', 'create', '-d', 'bridge', '--internal', 'inner');
});

afterAll(async () => {
  await upstream?.[Symbol.asyncDispose]();
  await reaper.reap();
});

/** What a container gets; several networks are joined before it asks. */
async function lookUp(name: string, ...networks: readonly string[]): Promise<string> {
  const flags = networks.slice(0, 1).flatMap((network) => ['--network', network]);
  const id = await host.dockerOk('run', '-d', ...flags, 'busybox', 'sleep', '1000');
  for (const network of networks.slice(1)) await host.dockerOk('network', 'connect', network, id);
  const { stdout, stderr } = await host.docker('exec', id, 'nslookup', name);
  await host.dockerOk('rm', '-f', id);
  return stdout + stderr;
}

it('asks upstream for containers of the Engine’s own networks and of ours', async () => {
  expect(await lookUp('bridge.example.test')).toContain('198.51.100.7');
  expect(await lookUp('open.example.test', 'open')).toContain('198.51.100.7');
  expect(await lookUp('both.example.test', 'inner', 'open')).toContain('198.51.100.7');
});

it('asks nobody for one that is on internal networks only', async () => {
  expect(await lookUp('secret.attacker.example', 'inner')).toMatch(/SERVFAIL|can't find|No answer/);
  expect(upstream.askedFor('attacker')).toEqual([]);
});

it('does not answer a neighbour', async () => {
  for (const words of [[], ['+tcp']]) {
    const dig = ['dig', '+time=1', '+tries=1', ...words, `@${resolver}`, 'neighbour.example.test'];
    const { stdout } = await runToEnd(['nsenter', `--net=${neighbour.path}`, ...dig]);
    expect(stdout).not.toContain('status:');
  }
  expect(upstream.askedFor('neighbour')).toEqual([]);
});
