import { MemoryStore } from '../../kvstore/local/memory.ts';
import type { Store } from '../../kvstore/store.ts';
import { bridgeName } from '../../src/dataplane/names.ts';
import { createSimulatedDataplane } from '../../src/dataplane/simulated.ts';
import { kindOf, messageOf } from '../../src/lib/errors.ts';
import { createTestModel } from './model.ts';
import type { RaceCalls } from './network-race.ts';
import { type RaceHost, without } from './race-host.ts';
import { Random } from './random.ts';
import { withFault } from './with-fault.ts';

/** The model over a simulated kernel and a store whose calls take a while each, in an order that `seed` decides. */
export async function createRaceModel(seed: number): Promise<RaceHost> {
  const random = new Random(seed);
  const store = new MemoryStore();
  const dataplane = slowed(createSimulatedDataplane(), random);
  const model = await createTestModel({ store: slowedStore(store, random), dataplane });
  const faults: string[] = [];
  const bridges = async () => {
    const wanted = model.networks.list().filter(({ driver }) => driver === 'bridge');
    const tag = model.nodeId.slice(0, 4);
    return { made: (await dataplane.owned()).bridges, wanted: wanted.map(({ id }) => bridgeName(tag, id)) };
  };
  return {
    calls: callsOf(model, faults),
    faults,
    async leaks() {
      await model.reconcile();
      const { made, wanted } = await bridges();
      return [...without(made, wanted, 'no network has'), ...without(wanted, made, 'no bridge')];
    },
    async leftovers() {
      const { interfaces, sandboxes } = await dataplane.owned();
      const { made } = await bridges();
      const entries = [...(await store.list('endpoints/')), ...(await store.list('addresses/'))];
      return [
        ...without(interfaces, [], 'interface'),
        ...without(sandboxes, [], 'sandbox'),
        ...without(
          entries.map(({ key }) => key),
          [],
          'record',
        ),
        ...(made.length === 1 ? [] : [`${made.length} bridges, not that of the default network alone`]),
      ];
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
}

/** Clients meet in the middle of each other's commands, as on a kernel. */
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

function slowedStore(store: Store, random: Random): Store {
  return withFault(store, {
    async commit(checks, writes) {
      await pause(random);
      return await store.commit(checks, writes);
    },
  });
}

async function pause(random: Random): Promise<void> {
  for (let turns = random.below(6); turns > 0; turns -= 1)
    await new Promise((resolve) => setImmediate(resolve));
}

type Model = Awaited<ReturnType<typeof createTestModel>>;

function callsOf({ networks, containers }: Model, faults: string[]): RaceCalls {
  const refusals = ['not-found', 'forbidden', 'conflict', 'invalid', 'exhausted'];
  const call = async (begin: () => unknown) => {
    try {
      await begin();
    } catch (error) {
      if (!refusals.includes(kindOf(error))) faults.push(`${kindOf(error)}: ${messageOf(error)}`);
    }
  };
  return {
    createNetwork: (name) => call(() => networks.create({ name })),
    removeNetwork: (name) => call(() => networks.remove(name)),
    pruneNetworks: () => call(() => networks.prune(() => true)),
    createContainer: (name, networkMode) => call(() => containers.create({ name, image: 'x', networkMode })),
    removeContainer: (name) => call(() => containers.remove(name, { force: true })),
    start: (name) => call(() => containers.start(name)),
    stop: (name) => call(() => containers.stop(name)),
    connect: (network, name) => call(() => containers.connect(network, name)),
    disconnect: (network, name) => call(() => containers.disconnect(network, name)),
  };
}
