import { createDrivers } from '../../drivers/index.ts';
import { ipamPlugins } from '../../drivers/remote/ipam-driver.ts';
import { createRemoteDriver } from '../../drivers/remote/network-driver.ts';
import { Plugins } from '../../drivers/remote/plugins.ts';
import { MemoryStore } from '../../kvstore/local/memory.ts';
import type { Store } from '../../kvstore/store.ts';
import { Directory } from '../../src/cluster/directory.ts';
import { NodeLease } from '../../src/cluster/node-lease.ts';
import { createSimulatedRuntime } from '../../src/container/simulated.ts';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import { createSimulatedDataplane } from '../../src/dataplane/simulated.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { newId } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { timestamp } from '../../src/lib/time.ts';
import { defaultPools } from '../../src/network/addressing/pools.ts';
import { createModel } from '../../src/network/create-model.ts';
import { createMemoryEngine } from './memory-engine.ts';

export interface TestModelOptions {
  readonly store?: Store;
  readonly nodeId?: string;
  /** What the hosts of a cluster share; the node's own store when absent. */
  readonly globalStore?: Store;
  /** Of the node's leases; absent: 3. */
  readonly leaseTtlSeconds?: number;
  /** The kernel that an earlier life of the node left. */
  readonly dataplane?: Dataplane;
  /** Absent: there are none. */
  readonly plugins?: Plugins;
  /** Absent from its node's record when it is empty. */
  readonly advertise?: string;
  readonly defaultNetwork?: { readonly driver: string; readonly name: string };
  /** A Docker Engine in memory runs the containers. */
  readonly engine?: boolean;
  readonly localPools?: readonly { readonly base: string; readonly size: number }[];
}

/** The real use cases over the memory store and the simulated mode. */
export async function createTestModel(options: TestModelOptions = {}) {
  const store = options.store ?? new MemoryStore();
  const stores = { local: store, global: options.globalStore ?? store };
  const advertise = options.advertise ?? '192.0.2.1';
  const dataplane = options.dataplane ?? createSimulatedDataplane();
  // Its interfaces are as little there as the others.
  if (options.engine) dataplane.ensureDetachedVeth = async () => {};
  const nodeId = options.nodeId ?? newId();
  const directory = new Directory(stores, silentLogger);
  const self = {
    id: nodeId,
    name: 'test',
    version: '0',
    started: timestamp(Date.now()),
    ...(advertise ? { advertise } : {}),
  };
  const nodeLease = new NodeLease(directory, self, options.leaseTtlSeconds ?? 3, silentLogger);
  const drivers = createDrivers({
    dataplane,
    tag: nodeId.slice(0, 4),
    advertise: () => advertise || undefined,
    node: {
      id: nodeId,
      publish: (tunnelSecret) => nodeLease.amend({ tunnelSecret }),
      lifetimeMs: 3_600_000,
      settleMs: 3000,
    },
    plugin: (name) => options.plugins && createRemoteDriver(options.plugins.named(name), silentLogger),
  });
  const engine = options.engine ? await createMemoryEngine(store, nodeId.slice(0, 4)) : undefined;
  const runtime = engine?.runtime ?? createSimulatedRuntime({ store, dataplane, log: silentLogger });
  await directory.ready();
  await nodeLease.start();
  await runtime.recover();
  const model = await createModel({
    directory,
    nodeLease,
    runtime,
    dataplane,
    driverNamed: drivers,
    ipamNamed: ipamPlugins(options.plugins ?? new Plugins()),
    settings: {
      defaultNetwork: options.defaultNetwork ?? { driver: 'bridge', name: 'bridge' },
      localPools: options.localPools ?? defaultPools.local,
      globalPools: defaultPools.global,
    },
    log: silentLogger,
    clock: systemClock,
    onHostNetworks: () => {},
    ...(engine ? { engine: engine.side } : {}),
  });
  engine?.usePlugin(model.plugin);
  model.begin();
  /** As after `kill -9`: nothing is said goodbye to, the store stays. */
  const crash = async () => {
    nodeLease.close();
    await model.close();
    await directory.close();
  };
  return {
    ...model,
    ...(engine ? { engine } : {}),
    store,
    directory,
    nodeLease,
    dataplane,
    nodeId,
    crash,
    async [Symbol.asyncDispose]() {
      await crash();
      if (!options.store) await store.close();
    },
  };
}
