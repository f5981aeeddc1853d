import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import { bridgeName } from '../../../../src/dataplane/names.ts';
import { createSimulatedDataplane } from '../../../../src/dataplane/simulated.ts';
import { kindOf, messageOf } from '../../../../src/lib/errors.ts';
import { createTestModel } from '../../../rig/model.ts';
import { endRace, type RaceCalls, race } from '../../../rig/network-race.ts';
import { Random } from '../../../rig/random.ts';
import { withFault } from '../../../rig/with-fault.ts';

/** Each call takes a while of its own, as commands and stores do, so that clients meet in the middle of each other. */
function slowed<T extends object>(target: T, random: Random): T {
  return new Proxy(target, {
    get(object, property): unknown {
      const value: unknown = Reflect.get(object, property, object);
      if (typeof value !== 'function' || !/^(ensure|remove|plug|unplug)/.test(String(property)))
        return typeof value === 'function' ? value.bind(object) : value;
      return async (...args: unknown[]) => {
        await pause(random);
        return Reflect.apply(value, object, args);
      };
    },
  });
}

async function pause(random: Random): Promise<void> {
  for (let turns = random.below(6); turns > 0; turns -= 1)
    await new Promise((resolve) => setImmediate(resolve));
}

type Model = Awaited<ReturnType<typeof createTestModel>>;

function callsOf({ networks, containers }: Model, wrong: string[]): RaceCalls {
  const refused = ['not-found', 'forbidden', 'conflict', 'invalid', 'exhausted'];
  const call = async (promise: Promise<unknown>) => {
    await promise.catch((error: unknown) => {
      if (!refused.includes(kindOf(error))) wrong.push(`${kindOf(error)}: ${messageOf(error)}`);
    });
  };
  return {
    createNetwork: (name) => call(networks.create({ name })),
    removeNetwork: (name) => call(Promise.resolve().then(() => networks.remove(name))),
    pruneNetworks: () => call(networks.prune(() => true)),
    createContainer: (name, networkMode) => call(containers.create({ name, image: 'x', networkMode })),
    removeContainer: (name) => call(Promise.resolve().then(() => containers.remove(name, { force: true }))),
    start: (name) => call(Promise.resolve().then(() => containers.start(name))),
    stop: (name) => call(Promise.resolve().then(() => containers.stop(name))),
    connect: (network, name) => call(Promise.resolve().then(() => containers.connect(network, name))),
    disconnect: (network, name) => call(Promise.resolve().then(() => containers.disconnect(network, name))),
  };
}

const seeds = Array.from({ length: 12 }, (_, i) => i + 1);

describe.concurrent('create, connect, start, stop, rm and prune by eight clients', () => {
  it.each(seeds)('leave the host as the directory has it, seed %i', async (seed) => {
    const random = new Random(seed);
    const store = new MemoryStore();
    const slow = withFault(store, {
      async commit(checks, writes) {
        await pause(random);
        return await store.commit(checks, writes);
      },
    });
    const dataplane = slowed(createSimulatedDataplane(), random);
    await using model = await createTestModel({ store: slow, dataplane });
    const wrong: string[] = [];
    const calls = callsOf(model, wrong);
    const bridgesOf = async () => {
      await model.reconcile();
      const wanted = model.networks.list().filter(({ driver }) => driver === 'bridge');
      const tag = model.nodeId.slice(0, 4);
      const { bridges } = await dataplane.owned();
      return [[...bridges].sort(), wanted.map(({ id }) => bridgeName(tag, id)).sort()];
    };
    for (let times = 0; times < 3; times += 1) {
      await race(calls, seed * 10 + times, 12);
      const [inKernel, inDirectory] = await bridgesOf();
      expect(inKernel).toEqual(inDirectory);
    }
    await endRace(calls);
    const [inKernel] = await bridgesOf();
    expect(inKernel).toHaveLength(1);
    const { interfaces, sandboxes } = await dataplane.owned();
    expect({ interfaces, sandboxes, wrong }).toEqual({ interfaces: [], sandboxes: [], wrong: [] });
    expect(await store.list('endpoints/')).toEqual([]);
    expect(await store.list('addresses/')).toEqual([]);
  });
});
