import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, type Ran, runToEnd } from '../rig/daemon.ts';
import { readPage, samplesOf, stepsOf, withoutIds } from '../rig/doc-samples.ts';
import { EngineCluster } from '../rig/engine-cluster.ts';
import type { EngineHost } from '../rig/engine-host.ts';
import { composeProgram, type EngineVersion } from '../rig/engine-version.ts';
import { until } from '../rig/until.ts';

const sleeps = ['busybox', 'sleep', '1000000'];
const versions: readonly EngineVersion[] = ['28.5', '20.10'];

/** Networks that are typed anywhere: at either Engine, at either daemon's socket, by docker and by compose. */
describe.each(versions)('networks beside two Engines %s', { timeout: 200_000 }, (version) => {
  let rig: EngineCluster;
  let one: EngineHost;
  let two: EngineHost;
  let hosts: readonly EngineHost[];
  let ghost: Promise<number>;

  beforeAll(async () => {
    rig = await EngineCluster.create({ hosts: 3, store: 'etcd', version, flags: ['--dns-listen', 'none'] });
    [one, two] = [rig.host(1), rig.host(2)];
    hosts = [one, two];
    ghost = removeWithoutDaemon(rig.host(3));
    // Its failure is that of the test which waits for it.
    ghost.catch(() => {});
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  /** On a host of its own, while the others go on: an Engine asks its absent plugin for a minute. @returns seconds */
  async function removeWithoutDaemon(host: EngineHost): Promise<number> {
    await host.dockerOk('network', 'create', '-d', 'fairlead', 'haunted');
    await host.dockerOk('run', '-d', '--name', 'ghost', '--network', 'haunted', ...sleeps);
    await until('it is there', ghosts, (names) => names === 'ghost');
    await host.daemon.kill('SIGTERM');
    const begun = performance.now();
    await host.dockerOk('rm', '-f', 'ghost');
    return (performance.now() - begun) / 1000;
  }

  const ghosts = async () => {
    const format = '{{range .Containers}}{{.Name}} {{end}}';
    const { stdout } = await one.daemon.run('fairlead', 'network', 'inspect', '-f', format, 'haunted');
    return stdout.trim();
  };

  const known = async (name: string) => {
    for (const host of hosts)
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
    for (const host of hosts) {
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
    for (const host of hosts) {
      const name = `own-${host.name}`;
      const made = await host.dockerAt(host.daemon.host, 'network', 'create', '-d', 'fairlead', name);
      expect(made).toMatchObject({ code: 0, stderr: '' });
      await known(name);
      for (const other of hosts) {
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
    const engines = hosts.map((host) => ({ host, socket: host.dockerHost }));
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

  it('what an Engine removes, by name or by a prune, goes everywhere, or is back where a container elsewhere has it', async () => {
    const listed = (host: EngineHost) =>
      host.dockerOk('network', 'ls', '--format', '{{.Name}}', '-f', 'driver=fairlead');
    const names = async () =>
      (await Promise.all(hosts.map(listed))).map((list) => list.split('\n').sort().join(' '));
    const both = (wanted: readonly string[]) =>
      until(wanted.join(), names, (lists) => lists.every((list) => list === [...wanted].sort().join(' ')));
    const before = (await listed(one)).split('\n');
    const removed = ['f0', 'f2', 'f3'];
    await one.dockerOk('network', 'rm', ...removed);
    await both(before.filter((name) => !removed.includes(name)));
    await two.dockerOk('run', '-d', '--name', 'fc', '--network', 's7', ...sleeps);
    await until('fc has its name', async () => (await one.daemon.ok('dns', 'dump')).includes('fc'));
    await one.dockerOk('network', 'prune', '-f');
    // One that is in use here, one that is on the other host, and the one of the third.
    await both(['f1', 's7', 'haunted']);
    await one.dockerOk('run', '-d', '--name', 'fd', '--network', 's7', ...sleeps);
    await until(
      'fd reaches fc',
      async () => (await one.docker('exec', 'fd', 'ping', '-c1', '-W1', 'fc')).code === 0,
    );
  });

  it('one compose file at both sockets, on both hosts at once', async () => {
    await one.dockerOk('network', 'create', '-d', 'fairlead', 'outside');
    await known('outside');
    const folder = await mkdtemp(join(tmpdir(), 'flt-compose-'));
    try {
      const [first, changed] = [composeFile(2, 'one'), composeFile(3, 'two')];
      const everywhere = hosts.flatMap((host) => [
        { host, project: `${host.name}e`, socket: host.dockerHost },
        { host, project: `${host.name}f`, socket: host.daemon.host },
      ]);
      // Beside Engine 20.10 each kind of socket once.
      const places = version === '28.5' ? everywhere : everywhere.filter((_, i) => i === 0 || i === 3);
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
      await Promise.all(places.map((place) => upOnceMore(place, firstFile)));
      const before = await containers();
      expect(before.map(({ length }) => length)).toEqual(places.map(() => 2));
      await all(firstFile, 'up', '-d');
      expect(await containers()).toEqual(before);
      for (const { host, project } of places) {
        const ping = (name: string) => host.docker('exec', `${project}-web-1`, 'ping', '-c1', '-W1', name);
        for (const name of ['front', 'host1e-web-1', 'host2f-web-2'])
          await until(`${name} from ${project}`, async () => (await ping(name)).code === 0);
      }
      await all(changedFile, 'up', '-d');
      expect((await containers()).map(({ length }) => length)).toEqual(places.map(() => 3));
      for (const { host, project } of places)
        expect(await host.dockerOk('exec', `${project}-web-1`, 'printenv', 'SETTING')).toBe('two');
      await all(changedFile, 'down', '-t', '0');
      expect(await containers()).toEqual(places.map(() => ['']));
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

  it('what docs/docker-engine.md says is typed on every host, in each part', async () => {
    const page = samplesOf(await readPage('docs/docker-engine.md'));
    const mark = 'run: command, test/e2e/engine-networks.test.ts';
    const [example, removal] = page.filter((sample) => sample.mark === mark);
    if (!example || !removal) throw new Error('no examples');
    for (const host of hosts) {
      await host.dockerOk('create', '--name', 'pg', ...sleeps);
      await host.dockerOk('commit', 'pg', 'postgres');
      await host.dockerOk('rm', 'pg');
      await host.dockerOk('tag', 'busybox', 'alpine');
    }
    const typed = async (host: EngineHost, line: string): Promise<string> => {
      const command = line.replace(/ *#.*$/, '');
      const words = command.split(' ').slice(1);
      const atEngine = line.includes('at the Engine itself');
      const ran = atEngine ? await host.docker(...words) : await host.typed(command);
      expect([line, ran.code, ran.stderr]).toEqual([line, 0, '']);
      return ran.stdout;
    };
    for (const [first, second] of [
      [one, two],
      [two, one],
    ] as const) {
      for (const { host, command, output } of stepsOf(example)) {
        const said = await typed(host === 'h1' ? first : second, command);
        if (command.includes('network create')) await known('mh');
        if (output !== undefined) expect(withoutIds(said)).toBe(withoutIds(output));
      }
      await known('mh2');
      for (const { command } of stepsOf(removal))
        for (const host of command.includes('# on every host') ? hosts : [second]) await typed(host, command);
      await second.dockerOk('network', 'rm', 'mh2');
      for (const host of hosts)
        await until(
          'both are gone',
          () => host.dockerOk('network', 'ls', '--format', '{{.Name}}'),
          (names) => !/^mh2?$/m.test(names),
        );
    }
  });

  it('docker rm -f ends while the daemon is away, and nothing is left of the container when it is back', async () => {
    const seconds = await ghost;
    process.stdout.write(`Engine ${version}: docker rm -f without the daemon: ${seconds.toFixed(1)} s\n`);
    expect(seconds).toBeLessThan(90);
    await rig.host(3).daemon.start();
    await until('it is gone', ghosts, (names) => names === '');
    const removed = async () => (await one.docker('network', 'rm', 'haunted')).code === 0;
    await until('its network can go', removed);
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

/** Of two Engines that choose one subnet at the same moment one is to be asked again, and says so. */
async function upOnceMore(place: ComposePlace, file: string): Promise<void> {
  const ran = await compose(place, file, 'up', '-d');
  succeeded(ran.stderr.includes('create it again') ? await compose(place, file, 'up', '-d') : ran);
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
