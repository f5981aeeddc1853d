import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { Multihost } from '../rig/multihost.ts';
import type { TestHost } from '../rig/namespace.ts';
import { Underlay } from '../rig/underlay.ts';
import { until } from '../rig/until.ts';

/** Overlay networks through one real daemon, with the KV store that every daemon has. */
describe('an overlay on one host', () => {
  let underlay: Underlay;
  let host: TestHost;
  let daemon: TestDaemon;

  beforeAll(async () => {
    underlay = await Underlay.create(2);
    host = underlay.host(1);
    daemon = await TestDaemon.start({
      namespace: host.path,
      flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
    });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await underlay[Symbol.asyncDispose]();
  });

  const devices = async () => (await host.linkNames()).filter((name) => name.startsWith('fl')).length;
  const exec = async (...words: string[]) => (await daemon.run('fairlead', 'exec', ...words)).code;

  it('is a record until somebody joins', async () => {
    const before = await devices();
    await daemon.ok('network', 'create', '-d', 'overlay', '--subnet', '10.77.0.0/24', 'multi');
    await daemon.ok('network', 'create', '-d', 'overlay', 'other');
    expect(await devices()).toBe(before);
  });

  it('connects containers by service name, and keeps two overlays apart', async () => {
    await daemon.ok('run', '-d', '--name', 'c1', '--publish-service', 'db.multi', 'x');
    await daemon.ok('run', '-d', '--name', 'c2', '--net', 'multi', 'x');
    await daemon.ok('run', '-d', '--name', 'c3', '--net', 'other', 'x');
    expect(await exec('c2', 'ping', '-c1', '-W1', 'db')).toBe(0);
    expect(await exec('c3', 'ping', '-c1', '-W1', 'db')).not.toBe(0);
    expect(await exec('c3', 'ping', '-c1', '-W1', '10.77.0.2')).not.toBe(0);
    expect(await exec('c2', 'ping', '-c1', '-W1', '192.0.2.2')).toBe(0);
  });

  it('lives through kill -9 of the daemon', async () => {
    const links = await host.links();
    await daemon.kill();
    await daemon.start();
    expect(await exec('c2', 'ping', '-c1', '-W1', 'db')).toBe(0);
    expect((await host.links()).map(({ ifindex }) => ifindex)).toEqual(links.map(({ ifindex }) => ifindex));
  });

  it('is gone from the host with its last container', async () => {
    await daemon.ok('rm', '-f', 'c1');
    await daemon.ok('rm', '-f', 'c2');
    await daemon.ok('rm', '-f', 'c3');
    expect((await host.linkNames()).filter((name) => /^fl....x/.test(name))).toEqual([]);
    expect(await devices()).toBe(1);
    await daemon.ok('service', 'unpublish', 'db.multi');
    await daemon.ok('network', 'rm', 'multi');
    await daemon.ok('network', 'rm', 'other');
  });
});

/** The way out is by rules of the packet filter, and a daemon that does not know the network has none for it. */
it('an overlay keeps its way out through a restart without the store', { timeout: 120_000 }, async () => {
  await using rig = await Multihost.create({ hosts: 1, store: 'etcd' });
  const daemon = rig.cluster.daemon(1);
  const { server } = rig.cluster.server;
  await daemon.ok('network', 'create', '-d', 'overlay', '--subnet', '10.77.0.0/24', 'multi');
  const c1 = await rig.run(1, 'c1', '--net', 'multi');
  // The other end has no route back: only what is masqueraded is answered.
  const getsOut = () => rig.pings(c1, Underlay.address(2));
  expect(await getsOut()).toBe(true);

  await daemon.kill('SIGKILL');
  await server.stop();
  await daemon.start();
  expect(await getsOut()).toBe(true);
  await daemon.ok('network', 'create', '-d', 'bridge', 'mine');
  const c2 = await rig.run(1, 'c2', '--net', 'mine');
  expect(await rig.pings(c2, Underlay.address(2))).toBe(true);
  await daemon.ok('rm', '-f', 'c2');
  await daemon.ok('network', 'rm', 'mine');
  expect(await getsOut()).toBe(true);

  await server.start();
  await until(
    'the store is back',
    async () => (await daemon.run('fairlead', 'network', 'rm', 'multi')).stderr.includes('active endpoints'),
    Boolean,
    30_000,
  );
  expect(await getsOut()).toBe(true);
  await daemon.ok('rm', '-f', 'c1');
  await daemon.ok('network', 'rm', 'multi');
  expect(await rig.cluster.host(1).run('nft', 'list', 'ruleset')).not.toContain('10.77.0.0');
});
