import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import type { Store } from '../../../../kvstore/store.ts';
import { folders } from '../../../../src/cluster/keys.ts';
import { createTestModel } from '../../../rig/model.ts';
import { Random } from '../../../rig/random.ts';
import { until } from '../../../rig/until.ts';

type Host = Awaited<ReturnType<typeof host>>;

let shared: MemoryStore;
let hosts: Host[];
beforeEach(async () => {
  shared = new MemoryStore();
  hosts = [await host(), await host()];
});
afterEach(async () => {
  for (const one of hosts) await one[Symbol.asyncDispose]();
  await shared.close();
});

async function host(globalStore: Store = shared, nodeId?: string) {
  const model = await createTestModel({
    store: new MemoryStore(),
    globalStore,
    engine: true,
    ...(nodeId && { nodeId }),
  });
  const { engine } = model;
  if (!engine) throw new Error('no Engine');
  return { ...model, engine };
}

const subnet = '172.18.0.0/16';
/** More of them are a soak. */
const rounds = Number(process.env.FAIRLEAD_ROUNDS ?? 4);

/** What each Engine shows: names, with the network of ours that it is. */
async function shownAt({ engine }: Host): Promise<readonly string[]> {
  const found = await engine.side.host.networks();
  const ours = found.filter(({ driver }) => driver === 'fairlead');
  return ours.map(({ id, name }) => `${name} ${engine.side.links.networkOf(id)}`).sort();
}

/** Both Engines show the same networks, all of them ours, and nothing is reserved any more. */
async function settled(names: readonly string[]): Promise<void> {
  const recorded = () => hosts[0]?.directory.networks().filter(({ driver }) => driver === 'overlay') ?? [];
  const looked = async () => {
    const expected = recorded()
      .map(({ id, name }) => `${name} ${id}`)
      .sort();
    const shown = await Promise.all(hosts.map(shownAt));
    return { expected, shown, reserved: (await shared.list(folders.reservations)).length };
  };
  await until('both Engines have them', looked, ({ expected, shown, reserved }) => {
    const same = shown.every((list) => list.join() === expected.join());
    return (
      same && reserved === 0 && expected.map((line) => line.split(' ')[0]).join() === [...names].sort().join()
    );
  });
  const document: Record<string, string[]> = JSON.parse((await shared.get('subnets'))?.value ?? '{}');
  const [ids, subnets] = [Object.keys(document).sort(), Object.values(document).flat()];
  expect(ids).toEqual(
    recorded()
      .map(({ id }) => id.slice(0, 12))
      .sort(),
  );
  expect(new Set(subnets).size).toBe(subnets.length);
}

async function outcomes(steps: readonly Promise<unknown>[]) {
  const done = await Promise.allSettled(steps);
  return {
    made: done.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
    refused: done.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
  };
}

it('of two Engines that choose one subnet at once, one is refused, and told what to do', async () => {
  const [one, two] = hosts;
  const { made, refused } = await outcomes([
    one?.engine.typeNetwork('a', subnet) ?? Promise.reject(),
    two?.engine.typeNetwork('b', subnet) ?? Promise.reject(),
  ]);
  expect([made.length, refused]).toEqual([
    1,
    [
      expect.stringMatching(
        /Pool overlaps .*: create it again, with --ipam-driver fairlead, or with a --subnet/,
      ),
    ],
  ]);
  const kept = hosts[0]?.directory.network(String(made[0]))?.name;
  await settled([kept ?? 'a']);
});

it('two that ask us for a subnet at once get two', async () => {
  const [one, two] = hosts;
  const { refused } = await outcomes(
    [one?.engine.typeNetwork('a'), two?.engine.typeNetwork('b')].map(async (x) => x),
  );
  expect(refused).toEqual([]);
  await settled(['a', 'b']);
});

/** Of one name at once: one creation's id is good, the other is refused. */
async function expectOne(steps: readonly Promise<unknown>[]): Promise<void> {
  const { made, refused } = await outcomes(steps);
  expect([made.length, refused]).toEqual([
    1,
    [
      expect.stringMatching(
        /network same was created on another host at the same moment|network with name same already exists/,
      ),
    ],
  ]);
  await settled(['same']);
  expect(hosts.some(({ engine }) => engine.side.links.networkOf(String(made[0])) !== undefined)).toBe(true);
}

it('one name at two Engines at once is one network, and the id that was printed is good', async () => {
  await expectOne(hosts.map(({ engine }) => engine.typeNetwork('same')));
});

it.each([0, 1])('one name at an Engine, and then at a daemon’s socket of host %i', async (number) => {
  const [one] = hosts;
  if (!one) throw new Error('no host');
  const answered = gate();
  const goOn = gate();
  let paused = 0;
  one.engine.setPause(async () => {
    paused += 1;
    if (paused < 2) return;
    answered.open();
    await goOn.passed;
  });
  const typed = one.engine.typeNetwork('same');
  await answered.passed;
  const created = hosts[number]?.networks.create({ name: 'same', driver: 'fairlead' });
  // It waits for what the other is called; one that is done is done long before.
  await turns(1000);
  goOn.open();
  await expectOne([typed, created ?? Promise.reject()]);
});

it('whatever comes at once, in whatever order: who gets an id has a network, everywhere', {
  timeout: 60_000,
}, async () => {
  const random = new Random(24);
  for (const { engine } of hosts) engine.setPause(() => turns(random.below(60)));
  for (let round = 0; round < rounds; round += 1) {
    const names = ['x', 'y', 'z'];
    const steps = Array.from({ length: 6 }, async () => {
      const one = random.pick(hosts as [Host, ...Host[]]);
      const [name, way] = [random.pick(names as [string, ...string[]]), random.below(3)];
      await turns(random.below(40));
      if (way === 0) return { name, one, id: (await one.networks.create({ name, driver: 'fairlead' })).id };
      return { name, one, id: await one.engine.typeNetwork(name, way === 1 ? subnet : undefined) };
    });
    const done = await Promise.allSettled(steps);
    const made = done.flatMap((step) => (step.status === 'fulfilled' ? [step.value] : []));
    for (const step of done)
      if (step.status === 'rejected')
        expect(String(step.reason)).toMatch(/already exists|at the same moment|Pool overlaps/);
    await settled(made.map(({ name }) => name));
    for (const { one, name, id } of made)
      expect(one.networks.shown(one.networks.find(id)).name, `round ${round}`).toBe(name);
    for (const name of new Set(made.map((each) => each.name))) await hosts[0]?.networks.remove(name);
    await settled([]);
  }
});

it('what an Engine had begun when its host died is anybody’s again', async () => {
  const [one, two] = hosts;
  if (!one || !two) throw new Error('no hosts');
  await one.plugin?.createNetwork({ engineNetworkId: 'e'.repeat(64), options: {}, subnets: [subnet] });
  await expect(two.engine.typeNetwork('b', subnet)).rejects.toThrow('Pool overlaps');
  await one.nodeLease.leave();
  await two.reconcile();
  await until('the subnet is free', async () => {
    const { made } = await outcomes([two.engine.typeNetwork('b', subnet)]);
    return made.length === 1;
  });
});

/** Lets others go on that many times. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

function gate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), passed };
}
