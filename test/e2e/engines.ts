import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EngineCluster } from '../rig/engine-cluster.ts';
import type { EngineHost } from '../rig/engine-host.ts';
import type { StoreName } from '../rig/host-store.ts';
import { Pinger } from '../rig/pinger.ts';
import { Underlay } from '../rig/underlay.ts';
import { until } from '../rig/until.ts';

export interface EnginesOptions {
  readonly store: StoreName;
  /** In what orders Engine and daemon are taken down and brought back, on each host in turn. */
  readonly orders: readonly Order[];
}

/** `e` and `d`: Engine and daemon go down; `E` and `D`: they come back. */
export type Order = string;

/** Every order in which the two can be down, one of them or both. */
export const everyOrder: readonly Order[] = ['dD', 'eE', 'deDE', 'deED', 'edDE', 'edED'];

/** Of what the Engine does a store sees nothing: those in which the daemon comes alone, first and last. */
export const ordersOfAnyStore: readonly Order[] = ['dD', 'edDE', 'deED'];

const sleeps = ['busybox', 'sleep', '1000000'];

/** Two hosts with a real Engine and a daemon each, a real store: what issue 6 shows, in its order. */
export function enginesTests({ store, orders }: EnginesOptions): void {
  describe(`two Docker Engines, kept together by ${store}`, { timeout: 200_000 }, () => {
    let rig: EngineCluster;
    let one: EngineHost;
    let two: EngineHost;

    beforeAll(async () => {
      rig = await EngineCluster.create({
        hosts: 2,
        store,
        version: '20.10',
        flags: ['--dns-listen', 'none'],
      });
      [one, two] = [rig.host(1), rig.host(2)];
      // What containers say to others on their own host passes the packet filters, too, as the module br_netfilter has it.
      const settings = ['iptables', 'ip6tables'].map((family) => `net.bridge.bridge-nf-call-${family}=1`);
      for (const host of rig.hosts) await host.run('sysctl', '-qw', ...settings);
    });
    afterAll(async () => {
      await rig?.[Symbol.asyncDispose]();
    });

    const say = (text: string) => process.stdout.write(`${store}: ${text}\n`);

    it('a network that is created once is known to both', async () => {
      await one.dropInOk('network', 'create', '-d', 'overlay', 'mh');
      for (const host of rig.hosts) {
        expect(await knownDriver(host, 'mh'), host.name).toBe('fairlead');
      }
    });

    it('a container on one host is reached by its name from the other', async () => {
      await one.dockerOk('run', '-d', '--network', 'mh', '--name', 'c1', ...sleeps);
      await two.dockerOk('run', '-d', '--network', 'mh', '--name', 'c2', ...sleeps);
      await pings(two, 'c2', 'c1');
      await pings(one, 'c1', 'c2');
      const { code } = await two.docker(
        'run',
        '--rm',
        '--network',
        'mh',
        'busybox',
        'ping',
        '-c1',
        '-W2',
        'c1',
      );
      expect(code).toBe(0);
    });

    it('a service that one publishes is resolved on the other, and both show its provider', async () => {
      const id = await one.dropInOk('run', '-d', '--name', 'pg', '--publish-service', 'db.mh', ...sleeps);
      const address = await serviceAddress(one, 'db.mh');
      expect(await addressOf(one, 'pg', 'mh')).toBe(address);
      for (const name of ['db', 'db.mh']) {
        await until(
          `${name} on ${two.name}`,
          () => lookedUp(two, 'c2', name),
          (found) => found.join() === address,
        );
        await pings(two, 'c2', name);
      }
      expect(await two.daemon.ok('probe', 'c2', 'db')).toMatch(
        new RegExp(`reachable: eth0 -> .*\\(vxlan\\) -> node 192.0.2.1 -> ${address}`),
      );
      for (const host of rig.hosts) {
        expect(
          (await host.dropInOk('service', 'ls')).split('\n').map((line) => line.split(/\s+/).slice(1)),
        ).toEqual([
          ['ID', 'NAME', 'NETWORK', 'PROVIDER'],
          ['db', 'mh', id.slice(0, 12)],
        ]);
      }
    });

    it('ports that Docker publishes are there', async () => {
      const serve = (text: string) => ['sh', '-c', `echo ${text} > /index.html; exec httpd -f -p 80 -h /`];
      const fetched = async (from: EngineHost, address: string) =>
        (await from.run('curl', '-s', '-m', '2', `http://${address}:8080/`)).stdout;
      for (const [i, host] of rig.hosts.entries()) {
        const [name, other] = [`www${i + 1}`, rig.host(2 - i)];
        const words = ['--network', 'mh', '-p', '8080:80', '--name', name, 'busybox', ...serve(name)];
        await host.dockerOk('run', '-d', ...words);
        const address = Underlay.address(i + 1);
        await until(
          `${name} from elsewhere`,
          () => fetched(other, address),
          (text) => text === `${name}\n`,
        );
        expect(await fetched(host, '127.0.0.1')).toBe(`${name}\n`);
      }
      // And on its own network, by name.
      const { stdout } = await two.docker('exec', 'c2', 'wget', '-q', '-O-', 'http://www1/');
      expect(stdout).toBe('www1\n');
    });

    it('a network that is created at one Engine is known to the other', async () => {
      await two.dockerOk('network', 'create', '-d', 'fairlead', 'mh2');
      await until(
        'mh2 on host 1',
        () => knownDriver(one, 'mh2'),
        (driver) => driver === 'fairlead',
      );
      await two.dockerOk('run', '-d', '--network', 'mh2', '--name', 'd2', ...sleeps);
      await one.dropInOk('run', '-d', '--publish-service', 'db.mh2', '--name', 'd1', ...sleeps);
      for (const name of ['d1', 'db', 'db.mh2']) await pings(two, 'd2', name);
      await pings(one, 'd1', 'd2');
      // The two networks do not know of each other.
      expect(
        (await two.docker('exec', 'd2', 'ping', '-c1', '-W1', await addressOf(one, 'c1', 'mh'))).code,
      ).not.toBe(0);
      expect((await two.docker('exec', 'd2', 'nslookup', 'c1')).code).not.toBe(0);
    });

    it('a subnet that another Engine has for itself keeps the network from that host, which says so', async () => {
      await one.dockerOk('network', 'create', '--subnet', '10.99.0.0/24', 'mine');
      await two.dockerOk('network', 'create', '-d', 'fairlead', '--subnet', '10.99.0.0/16', 'wide');
      const said = await until(
        'host 1 says so',
        () => one.daemon.output.split('\n').filter((line) => line.includes('network wide ')),
        (lines) => lines.length > 0,
      );
      expect(said.join()).toContain(
        '10.99.0.0/16 overlaps with its own network mine; create it with --ipam-driver',
      );
      expect(await knownDriver(one, 'wide')).toBe('');
      await one.dockerOk('network', 'rm', 'mine');
      await until(
        'it is known then',
        () => knownDriver(one, 'wide'),
        (driver) => driver === 'fairlead',
      );
      await one.dockerOk('network', 'rm', 'wide');
    });

    it('a network that comes while a daemon is away is known there when it is back', async () => {
      await two.daemon.kill('SIGTERM');
      await one.dropInOk('network', 'create', '-d', 'overlay', 'meanwhile');
      await two.daemon.start();
      await until(
        'it is known',
        () => knownDriver(two, 'meanwhile'),
        (driver) => driver === 'fairlead',
      );
      await one.dropInOk('network', 'rm', 'meanwhile');
    });

    it('containers talk on while Engine and daemon go and come back, in every order', async () => {
      for (const [i, order] of orders.entries()) {
        const host = rig.host((i % 2) + 1);
        const streams = await Promise.all([
          ping(one, 'c1', await addressOf(two, 'c2', 'mh')),
          ping(two, 'd2', await addressOf(one, 'd1', 'mh2')),
        ]);
        await follow(order, host);
        await until('names are back', async () => await resolves(two, 'c2', 'db.mh'));
        const records = await Promise.all(streams.map((stream) => stream.stop()));
        const lost = records.reduce((sum, { sent, received }) => sum + sent - received, 0);
        const sent = records.reduce((sum, record) => sum + record.sent, 0);
        say(`${host.name}: ${spoken(order)}: ${lost} of ${sent} pings lost`);
        expect(lost, spoken(order)).toBe(0);
        // And all is as it was for those that come, too.
        const words = ['run', '--rm', '--network', 'mh', 'busybox', 'ping', '-c1', '-W2'];
        await until(`a new container on ${host.name}`, async () => {
          return (await host.docker(...words, host === one ? 'c2' : 'c1')).code === 0;
        });
        expect(await host.dropInOk('service', 'ls', '-q'), spoken(order)).toMatch(
          /^[0-9a-f]{12}\n[0-9a-f]{12}$/,
        );
      }
    });

    it('nothing is left when all is removed', async () => {
      await one.dockerOk('rm', '-f', 'c1', 'pg', 'www1', 'd1');
      await two.dockerOk('rm', '-f', 'c2', 'www2', 'd2');
      for (const service of ['db.mh', 'db.mh2']) await two.dropInOk('service', 'unpublish', service);
      await two.dropInOk('network', 'rm', 'mh');
      await until(
        'mh at host 1',
        () => knownDriver(one, 'mh'),
        (driver) => driver === '',
      );
      await one.dockerOk('network', 'rm', 'mh2');
      await until(
        'mh2 at host 2',
        () => knownDriver(two, 'mh2'),
        (driver) => driver === '',
      );
      for (const host of rig.hosts) {
        const left = async () =>
          (await host.network.linkNames()).filter(
            (name) => /^(fl|veth)/.test(name) && !name.endsWith('-dns'),
          );
        await until(`devices of ${host.name}`, left, (names) => names.length === 0);
      }
    });
  });
}

const steps: Readonly<Record<string, (host: EngineHost) => Promise<void>>> = {
  e: (host) => host.engine.stop('SIGTERM'),
  d: (host) => host.daemon.kill('SIGTERM'),
  E: (host) => host.engine.start(),
  D: (host) => host.daemon.start(),
};

/**
 * One step after the other; but an Engine whose plugin is away waits for it, and is not ready before it has come or
 * the Engine gives up: then the daemon comes once the Engine's process is there.
 */
async function follow(order: Order, host: EngineHost): Promise<void> {
  const engineFirst = order.endsWith('ED');
  for (const step of engineFirst ? order.slice(0, -2) : order) await steps[step]?.(host);
  if (!engineFirst) return;
  const engine = host.engine.start();
  await until('the Engine has begun', () => host.engine.pid !== 0);
  await Promise.all([engine, host.daemon.start()]);
}

function spoken(order: Order): string {
  const words: Readonly<Record<string, string>> = {
    e: 'Engine down',
    d: 'daemon down',
    E: 'Engine up',
    D: 'daemon up',
  };
  return [...order].map((step) => words[step]).join(', ');
}

/** What the host's Engine says a network's driver is; empty: it does not know the network. */
async function knownDriver(host: EngineHost, network: string): Promise<string> {
  return (await host.docker('network', 'inspect', '-f', '{{.Driver}}', network)).stdout.trim();
}

async function addressOf(host: EngineHost, container: string, network: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  return await host.dockerOk('inspect', '-f', format, container);
}

const services = z.array(z.object({ ipv4: z.string() }));

async function serviceAddress(host: EngineHost, ref: string): Promise<string> {
  const { text } = await host.daemon.call('GET', `/v1.23/services?ref=${ref}`);
  const [service] = services.parse(JSON.parse(text));
  return service?.ipv4.replace(/\/.*$/, '') ?? '';
}

/** What a name is in the container, by its own resolver. */
async function lookedUp(host: EngineHost, container: string, name: string): Promise<readonly string[]> {
  const { stdout } = await host.docker('exec', container, 'nslookup', name);
  const [, ...answers] = stdout.split(/^Name:/m);
  return answers.flatMap((answer) => /Address(?: \d+)?: (\S+)/.exec(answer)?.[1] ?? []);
}

async function resolves(host: EngineHost, container: string, name: string): Promise<boolean> {
  return (await lookedUp(host, container, name)).length > 0;
}

async function pings(host: EngineHost, container: string, target: string): Promise<void> {
  await until(`${container} reaches ${target}`, async () => {
    return (await host.docker('exec', container, 'ping', '-c1', '-W1', target)).code === 0;
  });
}

async function ping(host: EngineHost, container: string, address: string): Promise<Pinger> {
  return await Pinger.start(await host.namespaceOf(container), address, 20);
}
