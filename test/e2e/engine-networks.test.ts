import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, type Ran, runToEnd } from '../rig/daemon.ts';
import { EngineCluster } from '../rig/engine-cluster.ts';
import type { EngineHost } from '../rig/engine-host.ts';
import { composeProgram, engineVersions } from '../rig/engine-version.ts';
import { until } from '../rig/until.ts';

const sleeps = ['busybox', 'sleep', '1000000'];

/** Networks that are typed anywhere: at either Engine, at either daemon's socket, by docker and by compose. */
describe.each(engineVersions)('networks beside two Engines %s', { timeout: 200_000 }, (version) => {
  let rig: EngineCluster;
  let one: EngineHost;
  let two: EngineHost;

  beforeAll(async () => {
    rig = await EngineCluster.create({ hosts: 2, store: 'etcd', version, flags: ['--dns-listen', 'none'] });
    [one, two] = [rig.host(1), rig.host(2)];
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  const known = async (name: string) => {
    for (const host of rig.hosts)
      await until(
        `${name} on ${host.name}`,
        async () => (await host.docker('network', 'inspect', name)).code === 0,
      );
  };
  const subnetOf = (host: EngineHost, name: string) =>
    host.dockerOk('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', name);

  it('docker network create -d fairlead NAME: on every host, one after the other, and once each', async () => {
    const typed = [one, two, two, one];
    for (const [i, host] of typed.entries()) {
      await host.dockerOk('network', 'create', '-d', 'fairlead', `f${i}`);
      await known(`f${i}`);
    }
    const subnets = await Promise.all(typed.map((_, i) => subnetOf(one, `f${i}`)));
    expect(new Set(subnets).size).toBe(4);
    expect(await Promise.all(typed.map((_, i) => subnetOf(two, `f${i}`)))).toEqual(subnets);
    for (const host of rig.hosts) {
      const again = await host.docker('network', 'create', '-d', 'fairlead', 'f0');
      expect([again.code, again.stderr]).toEqual([
        1,
        expect.stringContaining('network with name f0 already exists'),
      ]);
    }
    await one.dockerOk('run', '-d', '--name', 'fa', '--network', 'f1', ...sleeps);
    await two.dockerOk('run', '-d', '--name', 'fb', '--network', 'f1', ...sleeps);
    await until(
      'fa reaches fb',
      async () => (await one.docker('exec', 'fa', 'ping', '-c1', '-W1', 'fb')).code === 0,
    );
  });

  it('the same at the daemon’s own socket, under one id and one driver on both', async () => {
    for (const host of rig.hosts) {
      const name = `own-${host.name}`;
      const made = await host.dockerAt(host.daemon.host, 'network', 'create', '-d', 'fairlead', name);
      expect(made).toMatchObject({ code: 0, stderr: '' });
      await known(name);
      for (const other of rig.hosts) {
        const format = ['network', 'inspect', '-f', '{{.Id}} {{.Driver}}', name];
        const atEngine = await other.dockerOk(...format);
        expect((await other.dockerAt(other.daemon.host, ...format)).stdout.trim()).toBe(atEngine);
        if (other === host) expect(atEngine).toBe(`${made.stdout.trim()} fairlead`);
      }
    }
    const id = await two.dockerOk('network', 'inspect', '-f', '{{.Id}}', 'own-host1');
    expect((await two.dockerAt(two.daemon.host, 'network', 'rm', id)).code).toBe(0);
    await until('it is gone', async () => (await one.docker('network', 'inspect', 'own-host1')).code !== 0);
  });

  it('two that are created at the same moment: no id that was printed is void', async () => {
    const at = (host: EngineHost, socket: string, ...words: string[]) =>
      host.dockerAt(socket, 'network', 'create', '-d', 'fairlead', ...words);
    const engines = rig.hosts.map((host) => ({ host, socket: host.dockerHost }));
    const mixed = [
      { host: one, socket: one.dockerHost },
      { host: two, socket: two.daemon.host },
    ];
    const ours = ['--ipam-driver', 'fairlead'];
    const cases = [
      { places: engines, words: [['s0'], ['s0']], refused: 1 },
      { places: mixed, words: [['s1'], ['s1']], refused: 1 },
      {
        places: engines,
        words: [
          [...ours, 's2'],
          [...ours, 's3'],
        ],
        refused: 0,
      },
      // Whether both choose one subnet is a matter of moments.
      { places: engines, words: [['s4'], ['s5']], refused: undefined },
      // Engine 20.10 lets nobody see which name it is creating (docs/docker-engine.md).
      ...(version === '28.5'
        ? [
            {
              places: engines,
              words: [
                [...ours, 's6'],
                [...ours, 's6'],
              ],
              refused: 1,
            },
          ]
        : []),
    ];
    for (const { places, words, refused } of cases) {
      const ran = await Promise.all(
        places.map(async ({ host, socket }, i) => ({
          host,
          socket,
          ...(await at(host, socket, ...(words[i] ?? []))),
        })),
      );
      const failed = ran.filter(({ code }) => code !== 0);
      expect(failed.length, JSON.stringify(ran.map(({ stderr }) => stderr))).toBe(
        refused ?? Math.min(failed.length, 1),
      );
      for (const { stderr } of failed)
        expect(stderr).toMatch(
          /Pool overlaps .*create it again|already exists|created on another host at the same moment/,
        );
      const names = [...new Set(words.map((each) => each.at(-1) ?? ''))].filter(
        (_, i) => new Set(words.flat()).size === 1 || ran[i]?.code === 0,
      );
      for (const name of names) await known(name);
      for (const { host, socket, code, stdout } of ran) {
        if (code !== 0) continue;
        const format = ['network', 'inspect', '-f', '{{.Id}}', stdout.trim()];
        expect((await host.dockerAt(socket, ...format)).stdout).toBe(stdout);
      }
      const subnets = await Promise.all(names.map((name) => subnetOf(one, name)));
      expect(new Set(subnets).size).toBe(subnets.length);
      expect(await Promise.all(names.map((name) => subnetOf(two, name)))).toEqual(subnets);
    }
    // After a refusal the same word is enough.
    expect((await two.docker('network', 'create', '-d', 'fairlead', 's7')).code).toBe(0);
    await known('s7');
  });

  it('one compose file at both sockets, on both hosts at once', async () => {
    await one.dockerOk('network', 'create', '-d', 'fairlead', 'outside');
    await known('outside');
    const folder = await mkdtemp(join(tmpdir(), 'flt-compose-'));
    try {
      const [first, changed] = [composeFile(2, 'one'), composeFile(3, 'two')];
      const places = rig.hosts.flatMap((host) => [
        { host, project: `${host.name}e`, socket: host.dockerHost },
        { host, project: `${host.name}f`, socket: host.daemon.host },
      ]);
      const file = async (name: string, text: string) => {
        await writeFile(join(folder, name), text);
        return join(folder, name);
      };
      const [firstFile, changedFile] = [await file('first.yaml', first), await file('changed.yaml', changed)];
      const all = (path: string, ...words: string[]) =>
        Promise.all(places.map(async (place) => succeeded(await compose(place, path, ...words))));
      const containers = () =>
        Promise.all(
          places.map(async ({ host, project }) =>
            (await host.dockerOk('ps', '-aq', '--filter', `label=com.docker.compose.project=${project}`))
              .split('\n')
              .sort(),
          ),
        );
      // Engines that choose a pool at the very same time may choose the same one; then one of them says so.
      for (const place of places) succeeded(await compose(place, firstFile, 'create'));
      await all(firstFile, 'up', '-d');
      const before = await containers();
      expect(before.map(({ length }) => length)).toEqual([2, 2, 2, 2]);
      await all(firstFile, 'up', '-d');
      expect(await containers()).toEqual(before);
      for (const { host, project } of places) {
        const ping = (name: string) => host.docker('exec', `${project}-web-1`, 'ping', '-c1', '-W1', name);
        for (const name of ['front', 'host1e-web-1', 'host2f-web-2'])
          await until(`${name} from ${project}`, async () => (await ping(name)).code === 0);
      }
      await all(changedFile, 'up', '-d');
      expect((await containers()).map(({ length }) => length)).toEqual([3, 3, 3, 3]);
      await all(changedFile, 'down', '-t', '0');
      const left = async () => (await one.dockerOk('network', 'ls', '--format', '{{.Name}}')).split('\n');
      await until(
        'no network of theirs is left',
        left,
        (names) => !names.some((name) => name.endsWith('_own')),
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('docker rm -f ends while the daemon is away, and nothing is left of the container when it is back', async () => {
    await two.dockerOk('run', '-d', '--name', 'ghost', '--network', 'f0', ...sleeps);
    const endpoints = async () =>
      (
        await one.daemon.ok('network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{end}}', 'f0')
      ).trim();
    await until('it is there', endpoints, (names) => names === 'ghost');
    await two.daemon.kill('SIGTERM');
    const begun = performance.now();
    await two.dockerOk('rm', '-f', 'ghost');
    const seconds = (performance.now() - begun) / 1000;
    process.stdout.write(`Engine ${version}: docker rm -f without the daemon: ${seconds.toFixed(1)} s\n`);
    expect(seconds).toBeLessThan(90);
    await two.daemon.start();
    await until('it is gone', endpoints, (names) => names === '');
  });
});

interface ComposePlace {
  readonly project: string;
  readonly socket: string;
}

async function compose({ project, socket }: ComposePlace, file: string, ...words: string[]): Promise<Ran> {
  const env = { ...cleanEnvironment(), DOCKER_HOST: socket, PATH: process.env.PATH };
  return await runToEnd([composeProgram, '-p', project, '-f', file, ...words], env);
}

function succeeded({ code, stderr }: Ran): void {
  if (code !== 0) throw new Error(`compose: exit ${code}: ${stderr}`);
}

function composeFile(scale: number, setting: string): string {
  return `
services:
  web:
    image: busybox
    command: sleep 1000000
    scale: ${scale}
    environment: { SETTING: ${setting} }
    networks:
      own: { aliases: [front] }
      outside: {}
networks:
  own: { driver: fairlead }
  outside: { external: true }
`;
}
