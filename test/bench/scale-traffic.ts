import { MemoryStore } from '../../kvstore/local/memory.ts';
import { openStore } from '../../kvstore/open.ts';
import type { Store } from '../../kvstore/store.ts';
import { Directory } from '../../src/cluster/directory.ts';
import { newId } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { startProxy } from '../rig/proxy.ts';
import { until } from '../rig/until.ts';
import type { Row, Say } from './row.ts';
import { addEndpoints, type Seeded } from './scale-seed.ts';

const followed = [1, 10, 50];
const perNetwork = { from: 500, to: 520 };

/**
 * What a node receives while endpoints are attached on all networks alike, counted on its connection: nodes that are
 * on one, ten and fifty of them, by the daemon's own directory.
 */
export async function watchTraffic(
  etcd: { readonly port: number },
  store: Store,
  seeded: Seeded,
  say: Say,
): Promise<readonly Row[]> {
  const watchers = await Promise.all(followed.map((count) => Watcher.start(etcd.port, seeded, count)));
  try {
    const before = watchers.map((watcher) => watcher.received());
    await addEndpoints(store, seeded, perNetwork);
    await Promise.all(watchers.map((watcher) => watcher.hasAll()));
    const attached = (perNetwork.to - perNetwork.from) * seeded.networks.length;
    say(`${attached} endpoints were attached while nodes on ${followed.join(', ')} networks were counted`);
    return watchers.map((watcher, index) => ({
      what: `scale, watch traffic of ${attached} attaches, node on ${watcher.count} of ${seeded.networks.length} networks`,
      unit: 'kB',
      ours: (watcher.received() - (before[index] ?? 0)) / 1000,
    }));
  } finally {
    await Promise.all(watchers.map((watcher) => watcher[Symbol.asyncDispose]()));
  }
}

class Watcher implements AsyncDisposable {
  private constructor(
    readonly count: number,
    private readonly directory: Directory,
    private readonly seeded: Seeded,
    readonly received: () => number,
    private readonly close: () => Promise<void>,
  ) {}

  static async start(port: number, seeded: Seeded, count: number): Promise<Watcher> {
    const proxy = await startProxy(port);
    const global = await openStore(`etcd:127.0.0.1:${proxy.port}/large`, {});
    const directory = new Directory({ local: new MemoryStore(), global }, silentLogger, { nodeId: newId() });
    await directory.enter('global');
    for (const network of seeded.networks.slice(0, count)) await directory.follow(network);
    const close = async () => {
      await directory.close();
      await global.close();
      await proxy[Symbol.asyncDispose]();
    };
    return new Watcher(count, directory, seeded, proxy.received, close);
  }

  async hasAll(): Promise<void> {
    for (const { id } of this.seeded.networks.slice(0, this.count)) {
      const known = () => this.directory.endpointsOf(id).length >= perNetwork.to;
      await until('all endpoints are known', known, Boolean, 30_000);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
