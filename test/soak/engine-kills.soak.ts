import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../kvstore/open.ts';
import type { Store } from '../../kvstore/store.ts';
import { folders } from '../../src/cluster/keys.ts';
import { EngineCluster } from '../rig/engine-cluster.ts';
import type { EngineHost } from '../rig/engine-host.ts';
import { Random } from '../rig/random.ts';
import { until } from '../rig/until.ts';
import { roundsOr, seed, spread, versions } from './settings.ts';

const rounds = roundsOr(10);
/** Starts and removals at once, on both hosts together. */
const width = 50;
/** A ghost is gone that soon after Engine and daemon are back, in milliseconds. */
const allowedMs = 2_000;
const sleeps = ['busybox', 'sleep', '1000000'];

/** Containers start and go while the Engine or the daemon of a random host is killed. */
describe.each(versions)(
  `${width} starts and removals at once beside Engines %s that are killed`,
  (version) => {
    let rig: EngineCluster;
    let store: Store;

    beforeAll(async () => {
      rig = await EngineCluster.create({ hosts: 2, store: 'etcd', version, flags: ['--dns-listen', 'none'] });
      store = await openStore(rig.store.server.url, {});
      await rig.host(1).dropInOk('network', 'create', '-d', 'overlay', 'mh');
      await until(
        'mh on host 2',
        async () => (await rig.host(2).docker('network', 'inspect', 'mh')).code === 0,
      );
    });
    afterAll(async () => {
      await store?.close();
      await rig?.[Symbol.asyncDispose]();
    });

    const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');

    /** Names of running containers on the network, as the Engines have them. */
    async function running(): Promise<string> {
      const lists = await Promise.all(
        rig.hosts.map(async (host) =>
          words(await host.dockerOk('ps', '--filter', 'network=mh', '--format', '{{.Names}}')),
        ),
      );
      return lists.flat().sort().join(' ');
    }

    /** Who is on the network for everybody, by the daemon of each host. */
    const shown = () =>
      Promise.all(
        rig.hosts.map(async (host) => {
          const format = '{{range .Containers}}{{.Name}} {{end}}';
          const { stdout } = await host.daemon.run('fairlead', 'network', 'inspect', '-f', format, 'mh');
          return words(stdout).sort().join(' ');
        }),
      );

    /** Endpoints, addresses of containers and devices that are there with no container left. */
    async function leftOvers(): Promise<readonly string[]> {
      const [endpoints, addresses, reservations] = await Promise.all(
        [folders.endpoints, 'addresses/', folders.reservations].map((folder) => store.list(folder)),
      );
      const links = await Promise.all(rig.hosts.map(({ network }) => network.linkNames()));
      return [
        ...[...(endpoints ?? []), ...(addresses ?? []), ...(reservations ?? [])].map(({ key }) => key),
        ...links.flat().filter((name) => /^(fl|veth)/.test(name) && !name.endsWith('-dns')),
      ];
    }

    async function removeAll(host: EngineHost): Promise<boolean> {
      const ids = words((await host.docker('ps', '-aq')).stdout);
      if (ids.length > 0) await host.docker('rm', '-f', ...ids);
      return (await host.docker('ps', '-aq')).stdout === '';
    }

    /** Ends one of the two in the middle of it all, and has it back after a while. */
    async function kill(random: Random, host: EngineHost): Promise<string> {
      const [what, before, away] = [random.below(3), random.below(1_500), random.below(2_000)];
      await pause(before);
      const [engine, daemon] = [what !== 1, what !== 0];
      if (engine) await host.engine.stop('SIGKILL');
      if (daemon) await host.daemon.kill('SIGKILL');
      await pause(away);
      await Promise.all([...(engine ? [host.engine.start()] : []), ...(daemon ? [host.daemon.start()] : [])]);
      return `${[...(engine ? ['Engine'] : []), ...(daemon ? ['daemon'] : [])].join(' and ')} of ${host.name}`;
    }

    /** What the daemons said last is all that explains it. */
    async function explained<T>(step: Promise<T>): Promise<T> {
      return await step.catch((error: unknown) => {
        const said = rig.hosts.map(
          ({ name, daemon }) => `${name}:\n${daemon.output.split('\n').slice(-40).join('\n')}`,
        );
        throw new Error(`${String(error)}\n${said.join('\n')}`);
      });
    }

    it(`${rounds} rounds: nothing is left over, and no ghost for longer than ${allowedMs} ms`, async () => {
      const random = new Random(seed);
      const [ghosts, cleared]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round += 1) {
        const steps = Array.from({ length: width }, (_, i) => {
          const host = rig.host((i % 2) + 1);
          const [name, removes, later] = [`r${round}-${i}`, random.below(2) === 0, random.below(1_000)];
          return async () => {
            await pause(later);
            const { code } = await host.docker('run', '-d', '--name', name, '--network', 'mh', ...sleeps);
            if (removes) await host.docker('rm', '-f', name);
            return code;
          };
        });
        const victim = rig.host(random.below(2) + 1);
        const [killed, ...codes] = await Promise.all([kill(random, victim), ...steps.map((step) => step())]);
        const begun = performance.now();
        const look = async () => ({ running: await running(), shown: await shown() });
        const same = await until('who is shown is who runs', look, ({ running, shown }) =>
          shown.every((list) => list === running),
        );
        ghosts.push(performance.now() - begun);
        await until('the containers go', async () =>
          (await Promise.all(rig.hosts.map(removeAll))).every(Boolean),
        );
        const gone = performance.now();
        await explained(until('nothing is left', leftOvers, (left) => left.length === 0));
        cleared.push(performance.now() - gone);
        const started = codes.filter((code) => code === 0).length;
        process.stdout.write(
          `Engine ${version}: round ${round}: ${killed} killed: ${started} of ${width} started, ${words(same.running).length} run, ` +
            `ghosts gone after ${Math.round(ghosts.at(-1) ?? 0)} ms, left-overs after ${Math.round(cleared.at(-1) ?? 0)} ms\n`,
        );
      }
      process.stdout.write(
        `Engine ${version}, seed ${seed}, ${rounds} rounds: ghosts: ${spread(ghosts)}; left-overs 0: ${spread(cleared)}\n`,
      );
      expect(Math.max(...ghosts)).toBeLessThan(allowedMs);
    });
  },
);

/** A part of the scene, not of what is asserted. */
async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
