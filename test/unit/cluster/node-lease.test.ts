import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../kvstore/local/memory.ts';
import type { Store } from '../../../kvstore/store.ts';
import { createSimulatedDataplane } from '../../../src/dataplane/simulated.ts';
import { FairleadError } from '../../../src/lib/errors.ts';
import { newId } from '../../../src/lib/ids.ts';
import { readRecords, violationsIn } from '../../rig/invariants.ts';
import { createTestModel } from '../../rig/model.ts';
import { until } from '../../rig/until.ts';
import { withFault } from '../../rig/with-fault.ts';

/** While a node has its lease, the lease's end takes away nothing of what a crash or an outage left half done. */

type Model = Awaited<ReturnType<typeof createTestModel>>;

/** Lets some commits through, and none after them. */
class Fuse {
  #left = Number.POSITIVE_INFINITY;
  #isBlown = false;

  get isBlown(): boolean {
    return this.#isBlown;
  }

  set(commits: number): void {
    this.#left = commits;
    this.#isBlown = false;
  }

  /** `applies`: the commit that blows it is done all the same, and nobody is told. */
  guard(store: Store, applies = false): Store {
    return withFault(store, {
      commit: async (checks, writes) => {
        if (this.#left > 0) {
          this.#left -= 1;
          return await store.commit(checks, writes);
        }
        if (applies && !this.#isBlown) await store.commit(checks, writes);
        this.#isBlown = true;
        throw new FairleadError('unavailable', 'kv store is away (the change may have been made)');
      },
    });
  }
}

/** What outlives a daemon: its embedded store, the kernel, and the KV store. */
function createPlace() {
  const local = new MemoryStore();
  const global = new MemoryStore();
  const kept = { dataplane: createSimulatedDataplane(), nodeId: newId(), leaseTtlSeconds: 60 };
  return {
    local,
    global,
    boot: (stores: { readonly store?: Store; readonly globalStore?: Store } = {}) =>
      createTestModel({ store: local, globalStore: global, ...kept, ...stores }),
    async [Symbol.asyncDispose]() {
      await local.close();
      await global.close();
    },
  };
}

/** Records of the KV store that do not fit each other, or that no running container has. */
async function wrongs(model: Model, global: Store): Promise<readonly string[]> {
  const records = await readRecords(global);
  const running = model.containers.list().filter(({ state }) => state.status === 'running');
  const places = running.flatMap(({ attachments }) => attachments);
  const claimed = new Set(places.map(({ endpoint }) => endpoint?.id));
  const strays = [...records.endpoints.values()].filter(({ id }) => !claimed.has(id));
  return [
    ...strays.map(({ name }) => `no container has endpoint ${name}`),
    ...violationsIn(records).violations,
  ];
}

async function expectAgreement(model: Model, global: Store, when: string): Promise<void> {
  const look = () => wrongs(model, global);
  await until(`records agree ${when}`, look, (found) => found.length === 0, 5000);
}

const runOn = async ({ containers }: Model, networkMode: string) => {
  await containers.create({ name: 'c1', image: 'x', networkMode });
  await containers.start('c1');
};
const attached = async (model: Model, shared: boolean) => {
  await runOn(model, 'bridge');
  const { service } = await model.services.publish('db.wide', { shared });
  await model.services.attach(service.id, 'c1');
};
const findService = async ({ services }: Model) => (await services.find('db.wide')).service.id;

/** Each on a network that this node takes no part in before or after it. */
const operations: readonly {
  readonly name: string;
  readonly prepare: (model: Model) => Promise<unknown>;
  readonly run: (model: Model) => Promise<unknown>;
}[] = [
  {
    name: 'container start',
    prepare: (model) => model.containers.create({ name: 'c1', image: 'x', networkMode: 'wide' }),
    run: (model) => model.containers.start('c1'),
  },
  {
    name: 'container rm -f',
    prepare: (model) => runOn(model, 'wide'),
    run: (model) => model.containers.remove('c1', { force: true }),
  },
  {
    name: 'network connect',
    prepare: (model) => runOn(model, 'bridge'),
    run: (model) => model.containers.connect('wide', 'c1'),
  },
  ...[false, true].flatMap((shared) => [
    {
      name: `service attach, ${shared ? 'shared' : 'exclusive'}`,
      async prepare(model: Model) {
        await runOn(model, 'bridge');
        await model.services.publish('db.wide', { shared });
      },
      run: async (model: Model) => model.services.attach(await findService(model), 'c1'),
    },
    {
      name: `service detach, ${shared ? 'shared' : 'exclusive'}`,
      prepare: (model: Model) => attached(model, shared),
      run: async (model: Model) => model.services.detach(await findService(model), 'c1'),
    },
  ]),
];

describe.concurrent.each(operations)('$name', ({ prepare, run }) => {
  it('leaves nothing in the KV store when the daemon dies between any two commits and comes back', async () => {
    let commits = 0;
    for (let died = true; died; commits += 1) {
      const fuse = new Fuse();
      await using place = createPlace();
      const first = await place.boot({
        store: fuse.guard(place.local),
        globalStore: fuse.guard(place.global),
      });
      await first.networks.create({ name: 'wide', driver: 'overlay' });
      await prepare(first);
      fuse.set(commits);
      const failed = await run(first).then(
        () => false,
        () => true,
      );
      died = fuse.isBlown;
      if (!died) expect(failed).toBe(false);
      await first.crash();
      await using second = await place.boot();
      await expectAgreement(second, place.global, `after ${commits} commits`);
    }
    expect(commits).toBeGreaterThan(2);
  });

  it('leaves nothing there when the store does not tell that it made a change, and is away for a while', async () => {
    let commits = 0;
    for (let failed = true; failed; commits += 1) {
      const fuse = new Fuse();
      await using place = createPlace();
      await using model = await place.boot({ globalStore: fuse.guard(place.global, true) });
      await model.networks.create({ name: 'wide', driver: 'overlay' });
      await prepare(model);
      fuse.set(commits);
      await run(model).catch(() => {});
      failed = fuse.isBlown;
      fuse.set(Number.POSITIVE_INFINITY);
      await expectAgreement(model, place.global, `after ${commits} commits`);
    }
    expect(commits).toBeGreaterThan(0);
  });
});

it('what is left of a life before is looked for again after an outage', async () => {
  await using place = createPlace();
  const fuse = new Fuse();
  const first = await place.boot({ store: fuse.guard(place.local), globalStore: fuse.guard(place.global) });
  await first.networks.create({ name: 'wide', driver: 'overlay' });
  await first.containers.create({ name: 'c1', image: 'x', networkMode: 'wide' });
  fuse.set(1);
  await expect(first.containers.start('c1')).rejects.toThrow('away');
  await first.crash();
  let asked = 0;
  let isAway = true;
  const flaky = withFault(place.global, {
    async list(prefix) {
      if (!isAway || !prefix.startsWith('endpoints/')) return await place.global.list(prefix);
      asked += 1;
      throw new FairleadError('unavailable', 'kv store is away');
    },
  });
  await using second = await place.boot({ globalStore: flaky });
  await until('the store was asked in vain', () => asked > 0);
  isAway = false;
  expect(await wrongs(second, place.global)).toEqual(['no container has endpoint c1']);
  await second.reconcile();
  expect(await wrongs(second, place.global)).toEqual([]);
});
