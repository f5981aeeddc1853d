import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineCluster } from '../rig/engine-cluster.ts';
import type { EngineHost } from '../rig/engine-host.ts';
import { Random } from '../rig/random.ts';
import { until } from '../rig/until.ts';

/** `npm run test:engines` has ten rounds of fifty. */
const rounds = Number(process.env.FAIRLEAD_KILLS ?? 1);
const containers = rounds > 1 ? 50 : 12;
const seed = Number(process.env.FAIRLEAD_SEED ?? 24);
const victims = ['engine', 'daemon', 'both'] as const;

/** Starts and removals at once, while Engine or daemon or both are killed: what runs has its place, and nothing else has. */
describe('an Engine and a daemon that are killed', { timeout: 120_000 + rounds * 240_000 }, () => {
  let rig: EngineCluster;
  let one: EngineHost;
  let two: EngineHost;

  beforeAll(async () => {
    rig = await EngineCluster.create({ hosts: 2, store: 'etcd', flags: ['--dns-listen', 'none'] });
    [one, two] = [rig.host(1), rig.host(2)];
    await one.dropInOk('network', 'create', '-d', 'overlay', 'k');
    await until('k on host 2', async () => (await two.docker('network', 'inspect', 'k')).code === 0);
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  const lines = (text: string) => text.split(/\s+/).filter(Boolean).sort();
  const running = async () =>
    lines(await two.dockerOk('ps', '--format', '{{.Names}}', '--filter', 'network=k'));
  /** As host 1 sees them, which was there all the time. */
  const placed = async () =>
    lines(await one.daemon.ok('network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{end}}', 'k'));

  it(`leave nothing behind, ${rounds} times, seed ${seed}`, async () => {
    const random = new Random(seed);
    for (let round = 0; round < rounds; round += 1) {
      const there = lines(await two.dockerOk('ps', '-a', '--format', '{{.Names}}'));
      const removals = there.map((name) => two.docker('rm', '-f', name));
      const starts = Array.from({ length: containers }, (_, i) =>
        two.docker('run', '-d', '--network', 'k', '--name', `k${round}-${i}`, 'busybox', 'sleep', '1000000'),
      );
      const victim = random.pick(victims);
      await new Promise((resolve) => setTimeout(resolve, random.below(3000)));
      if (victim !== 'daemon') await two.engine.stop('SIGKILL');
      if (victim !== 'engine') await two.daemon.kill('SIGKILL');
      const back = [
        victim === 'engine' ? undefined : two.daemon.start(),
        victim === 'daemon' ? undefined : two.engine.start(),
      ];
      await Promise.all([...back, ...starts, ...removals]);
      const since = performance.now();
      const seen = await until(
        `round ${round}, ${victim} killed: containers and endpoints are the same`,
        async () => ({ running: await running(), placed: await placed() }),
        (both) => both.running.join() === both.placed.join(),
        30_000,
      );
      const ms = Math.round(performance.now() - since);
      process.stdout.write(
        `round ${round}: ${victim} killed: ${seen.running.length} run, none else after ${ms} ms\n`,
      );
    }
    const all = lines(await two.dockerOk('ps', '-aq'));
    if (all.length > 0) await two.dockerOk('rm', '-f', ...all);
    await until('no endpoint is left', placed, (names) => names.length === 0);
    await one.dropInOk('network', 'rm', 'k');
    const left = async () =>
      (await two.network.linkNames()).filter((name) => /^(fl|veth)/.test(name) && !name.endsWith('-dns'));
    await until('no device is left', left, (names) => names.length === 0, 90_000);
    expect(await left()).toEqual([]);
  });
});
