import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineCluster } from '../rig/engine-cluster.ts';
import type { EngineHost } from '../rig/engine-host.ts';
import type { EngineVersion } from '../rig/engine-version.ts';
import { Pinger } from '../rig/pinger.ts';
import { Underlay } from '../rig/underlay.ts';
import { until } from '../rig/until.ts';

const sleeps = ['busybox', 'sleep', '1000000'];
const versions: readonly EngineVersion[] = ['28.5', '20.10'];

/** What an Engine does for itself, on the same hosts, at the same time. */
describe.each(versions)('beside a Swarm of Engines %s', { timeout: 240_000 }, (version) => {
  let rig: EngineCluster;
  let one: EngineHost;
  let two: EngineHost;

  beforeAll(async () => {
    // Swarm does not go with live-restore.
    const config = { 'live-restore': false };
    rig = await EngineCluster.create({
      hosts: 2,
      store: 'etcd',
      version,
      flags: ['--dns-listen', 'none'],
      config,
    });
    [one, two] = [rig.host(1), rig.host(2)];
    await one.dropInOk('network', 'create', '-d', 'overlay', 'mh');
    await one.dockerOk('run', '-d', '--network', 'mh', '--name', 'c1', ...sleeps);
    await until('mh on host 2', async () => (await two.docker('network', 'inspect', 'mh')).code === 0);
    await two.dockerOk('run', '-d', '--network', 'mh', '--name', 'c2', ...sleeps);
    await until('c1 reaches c2', () => reaches(one, 'c1', 'c2'));
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  it('joins, and both kinds of network carry packets at once', async () => {
    const stream = await pinging(one, 'c1', two, 'c2');
    await swarm(one, two);
    await one.dockerOk('network', 'create', '-d', 'overlay', 'sw');
    // Their virtual addresses need IPVS, which not every kernel of a test has.
    const words = ['--name', 'web', '--replicas', '4', '--network', 'sw', '--endpoint-mode', 'dnsrr', '-d'];
    await one.dockerOk('service', 'create', ...words, ...sleeps);
    const states = async () =>
      (await one.dockerOk('service', 'ps', 'web', '--format', '{{.CurrentState}} {{.Error}}')).split('\n');
    const run = (rows: readonly string[]) => rows.filter((row) => row.startsWith('Running')).length === 4;
    await until('four tasks run', states, run, 90_000);
    expect((await states()).filter((row) => /[Rr]ejected|rror/.test(row))).toEqual([]);
    const [task = ''] = await tasks(one);
    const [other = ''] = await tasks(two);
    const there = await addressOf(two, other, 'sw');
    await until('a task reaches one of the other host', () => reaches(one, task, there), Boolean, 30_000);

    // Ours that come while Swarm is there.
    await two.dockerOk('network', 'create', '-d', 'fairlead', '--ipam-driver', 'fairlead', 'later');
    await until('later on host 1', async () => (await one.docker('network', 'inspect', 'later')).code === 0);
    await one.dockerOk('run', '-d', '--network', 'later', '--name', 'd1', ...sleeps);
    await two.dockerOk('run', '-d', '--network', 'later', '--name', 'd2', ...sleeps);
    await until('d1 reaches d2', () => reaches(one, 'd1', 'd2'));
    expect(await reaches(one, task, there)).toBe(true);
    await lostOf(stream, `Engine ${version}: Swarm comes`);
  });

  it('leaves, and every container keeps its networks, its service and its packets', async () => {
    await one.dropInOk('service', 'publish', 'db.mh');
    await two.dropInOk('service', 'attach', 'c2', 'db.mh');
    const provider = async () => (await one.dropInOk('service', 'ls')).split('\n')[1]?.split(/\s+/)[3];
    expect(await provider()).toMatch(/^[0-9a-f]{12}$/);
    const before = await provider();
    const streams = [await pinging(one, 'c1', two, 'c2'), await pinging(two, 'd2', one, 'd1')];
    await two.dockerOk('swarm', 'leave');
    await one.dockerOk('swarm', 'leave', '--force');
    for (const [host, name] of [
      [one, 'c1'],
      [one, 'd1'],
      [two, 'c2'],
      [two, 'd2'],
    ] as const) {
      expect(await host.dockerOk('inspect', '-f', '{{len .NetworkSettings.Networks}}', name), name).toBe('1');
      const { stdout } = await host.docker('exec', name, 'ip', '-o', '-4', 'addr');
      expect(stdout, name).toContain('inet 10.');
    }
    for (const stream of streams) await lostOf(stream, `Engine ${version}: Swarm goes`);
    expect(await provider()).toBe(before);
    await until('c1 resolves db', () => reaches(one, 'c1', 'db'));
  });

  it('comes and goes in the other order', async () => {
    const stream = await pinging(one, 'c1', two, 'c2');
    await swarm(two, one);
    // What its own user has made attachable, the Engine empties when it leaves.
    await two.dockerOk(
      'network',
      'create',
      '-d',
      'fairlead',
      '--attachable',
      '--subnet',
      '10.77.0.0/24',
      'att',
    );
    await two.dockerOk('run', '-d', '--network', 'att', '--network-alias', 'ally', '--name', 'e1', ...sleeps);
    await two.dockerOk('run', '-d', '--network', 'att', '--name', 'e2', ...sleeps);
    await two.dropInOk('service', 'publish', 'web.att');
    await two.dropInOk('service', 'attach', 'e2', 'web.att');
    const web = async () =>
      (await two.dropInOk('service', 'ls')).split('\n').find((line) => / web /.test(line));
    const before = await web();
    expect(before).toMatch(/ [0-9a-f]{12}$/);
    await two.dockerOk('swarm', 'leave', '--force');
    await one.dockerOk('swarm', 'leave');
    for (const name of ['e1', 'e2'])
      await until('the log says so', () =>
        two.daemon.output.includes(`container ${name} was put back on network att`),
      );
    expect(two.daemon.output).not.toMatch(/container [cd]\d was put back/);
    for (const name of ['ally', 'web']) await until(`e1 reaches ${name}`, () => reaches(two, 'e1', name));
    expect(await web()).toBe(before);
    await until('the doctor is content', async () => (await two.daemon.run('fairlead', 'doctor')).code === 0);
    await lostOf(stream, `Engine ${version}: Swarm comes and goes`);
    await until('d1 reaches d2', () => reaches(one, 'd1', 'd2'));
  });
});

async function pinging(from: EngineHost, container: string, to: EngineHost, target: string): Promise<Pinger> {
  const network = container.startsWith('d') ? 'later' : 'mh';
  return await Pinger.start(await from.namespaceOf(container), await addressOf(to, target, network), 50);
}

/** An Engine that rewrites FORWARD lets some packets go (docs/docker-engine.md, "Traps"). */
async function lostOf(stream: Pinger, what: string): Promise<void> {
  const { sent, received } = await stream.stop();
  process.stdout.write(`${what}: ${sent - received} of ${sent} pings lost\n`);
  expect((sent - received) / sent).toBeLessThan(0.1);
}

/** Ids of the containers of Swarm's service that are on this host. */
async function tasks(host: EngineHost): Promise<readonly string[]> {
  const filter = 'label=com.docker.swarm.service.name=web';
  return (await host.dockerOk('ps', '-q', '--filter', filter)).split('\n');
}

async function swarm(manager: EngineHost, worker: EngineHost): Promise<void> {
  const address = Underlay.address(manager.name === 'host1' ? 1 : 2);
  await manager.dockerOk('swarm', 'init', '--advertise-addr', address);
  const token = await manager.dockerOk('swarm', 'join-token', '-q', 'worker');
  await worker.dockerOk('swarm', 'join', '--token', token, `${address}:2377`);
}

async function addressOf(host: EngineHost, container: string, network = 'mh'): Promise<string> {
  return await host.dockerOk(
    'inspect',
    '-f',
    `{{.NetworkSettings.Networks.${network}.IPAddress}}`,
    container,
  );
}

async function reaches(host: EngineHost, container: string, name: string): Promise<boolean> {
  return (await host.docker('exec', container, 'ping', '-c1', '-W1', name)).code === 0;
}
