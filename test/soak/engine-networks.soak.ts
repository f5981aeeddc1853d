import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineCluster } from '../rig/engine-cluster.ts';
import type { EngineHost } from '../rig/engine-host.ts';
import { Random } from '../rig/random.ts';
import { until } from '../rig/until.ts';
import { roundsOr, seed, spread, versions } from './settings.ts';

const rounds = roundsOr(100);
/** Everywhere, or nowhere, that soon after the command has ended, in milliseconds. */
const allowedMs = 2_000;

interface Place {
  readonly host: EngineHost;
  readonly socket: string;
}

/** Networks come at a random Engine or daemon, one after another, and go in one command at another. */
describe.each(versions)('three networks at random sockets of two Engines %s', (version) => {
  let rig: EngineCluster;
  let places: readonly [Place, ...Place[]];

  beforeAll(async () => {
    rig = await EngineCluster.create({ hosts: 2, store: 'etcd', version, flags: ['--dns-listen', 'none'] });
    const [first, ...others] = rig.hosts.flatMap((host) =>
      [host.dockerHost, host.daemon.host].map((socket) => ({ host, socket })),
    );
    if (!first) throw new Error('no sockets');
    places = [first, ...others];
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  /** What each socket lists of the round's networks. */
  const seen = () =>
    Promise.all(
      places.map(async ({ host, socket }) => {
        const { stdout } = await host.dockerAt(socket, 'network', 'ls', '--format', '{{.Name}}');
        const names = stdout.split('\n').filter((name) => /^r\d+-/.test(name));
        return names.sort().join(' ');
      }),
    );

  /** What the daemons say of the round's networks is all that explains why one of them stays. */
  async function settled(what: string, names: string, prefix: string): Promise<number> {
    const begun = performance.now();
    await until(what, seen, (lists) => lists.every((list) => list === names)).catch((error: unknown) => {
      const lines = rig.hosts.flatMap(({ daemon }) => daemon.output.split('\n'));
      throw new Error(`${String(error)}\n${lines.filter((line) => line.includes(prefix)).join('\n')}`);
    });
    return performance.now() - begun;
  }

  it(`${rounds} rounds: all are where they should be within ${allowedMs} ms`, async () => {
    const random = new Random(seed);
    const [came, went]: [number[], number[]] = [[], []];
    let refused = 0;
    for (let round = 0; round < rounds; round += 1) {
      const names = ['a', 'b', 'c'].map((letter) => `r${round}-${letter}`);
      for (const name of names) {
        const { host, socket } = random.pick(places);
        const create = () => host.dockerAt(socket, 'network', 'create', '-d', 'fairlead', name);
        const made = await create();
        // Of two Engines that choose one subnet at the same moment one is to be asked again (docs/docker-engine.md).
        const again = made.stderr.includes('create it again');
        if (again) refused += 1;
        expect(again ? await create() : made).toMatchObject({ code: 0, stderr: '' });
      }
      const all = names.join(' ');
      came.push(await settled(`${all} everywhere`, all, `r${round}-`));
      const { host, socket } = random.pick(places);
      expect(await host.dockerAt(socket, 'network', 'rm', ...names)).toMatchObject({ code: 0, stderr: '' });
      went.push(await settled(`${all} nowhere`, '', `r${round}-`));
    }
    process.stdout.write(
      `Engine ${version}, seed ${seed}, ${rounds} rounds: everywhere: ${spread(came)}; nowhere: ${spread(went)}; ` +
        `${refused} asked again\n`,
    );
    expect(Math.max(...came, ...went)).toBeLessThan(allowedMs);
  });
});
