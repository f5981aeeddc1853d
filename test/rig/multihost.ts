import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { openStore } from '../../kvstore/open.ts';

import type { Store } from '../../kvstore/store.ts';
import { folders, keys } from '../../src/cluster/keys.ts';
import { runToEnd } from './daemon.ts';
import { HostCluster, type HostClusterOptions } from './host-cluster.ts';
import { until } from './until.ts';

/** A container that a test runs somewhere in the cluster. */
export interface Place {
  /** Counted from 1. */
  readonly host: number;
  readonly name: string;
  readonly id: string;
  /** Of its network namespace. */
  readonly namespace: string;
}

/** What there is on a host of devices (but `lo`), sandboxes, nft tables, routing rules, and files in the data root. */
export interface Traces {
  readonly devices: readonly string[];
  readonly namespaces: readonly string[];
  readonly tables: string;
  readonly rules: number;
  readonly files: readonly string[];
}

/** A cluster and what tests of overlays do with it. */
export class Multihost implements AsyncDisposable {
  private constructor(
    readonly cluster: HostCluster,
    /** The KV store itself, asked from outside. */
    readonly store: Store,
  ) {}

  static async create(options: HostClusterOptions): Promise<Multihost> {
    const cluster = await HostCluster.create({
      ...options,
      flags: ['--dns-listen', 'none', ...(options.flags ?? [])],
    });
    return new Multihost(cluster, await openStore(cluster.server.url, {}));
  }

  get hosts(): readonly number[] {
    return this.cluster.daemons.map((_, index) => index + 1);
  }

  /** `fairlead …` on the host; must succeed. */
  on(host: number, ...words: readonly string[]): Promise<string> {
    return this.cluster.daemon(host).ok(...words);
  }

  /** Starts a container that sleeps; `flags` say on what networks. */
  async run(host: number, name: string, ...flags: readonly string[]): Promise<Place> {
    const id = await this.on(host, 'run', '-d', '--name', name, ...flags, 'x');
    const { dataRoot } = this.cluster.daemon(host);
    const tag = (await readFile(`${dataRoot}/node-id`, 'utf8')).slice(0, 4);
    return { host, name, id, namespace: `/run/netns/fl${tag}-${id.slice(0, 12)}` };
  }

  /** Whether one echo request is answered within a second; names are resolved as the container would. */
  async pings(from: Place, target: string): Promise<boolean> {
    const { code } = await this.cluster
      .daemon(from.host)
      .run('fairlead', 'exec', from.name, 'ping', '-n', '-c1', '-W1', target);
    return code === 0;
  }

  /** Resolves when everyone reaches everyone, with how many milliseconds it took. */
  async mesh(places: readonly Place[], targets: readonly string[], deadlineMs: number): Promise<number> {
    const start = performance.now();
    const pairs = places.flatMap((from) => targets.map((target) => ({ from, target })));
    await Promise.all(
      pairs.map(({ from, target }) =>
        until(`${from.name} reaches ${target}`, () => this.pings(from, target), Boolean, deadlineMs),
      ),
    );
    return performance.now() - start;
  }

  /** As `mesh`, without asking DNS or any daemon. */
  async meshOfAddresses(places: readonly Place[], addresses: readonly string[], deadlineMs: number) {
    const start = performance.now();
    const reaches = async ({ namespace }: Place, address: string) => {
      const words = ['nsenter', `--net=${namespace}`, 'ping', '-n', '-q', '-c1', '-W1', address];
      return (await runToEnd(words)).code === 0;
    };
    const pairs = places.flatMap((from) => addresses.map((address) => ({ from, address })));
    await Promise.all(
      pairs.map(({ from, address }) =>
        until(`${from.name} reaches ${address}`, () => reaches(from, address), Boolean, deadlineMs),
      ),
    );
    return performance.now() - start;
  }

  /** Names of devices on the host that are there for this network. */
  async devicesOf(host: number, networkId: string): Promise<readonly string[]> {
    const names = await this.cluster.host(host).linkNames();
    return names.filter((name) => /^fl[0-9a-f]{4}[-x]/.test(name) && name.slice(7) === networkId.slice(0, 8));
  }

  async inspect(host: number, path: string): Promise<unknown> {
    const { status, text } = await this.cluster.daemon(host).call('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
    return JSON.parse(text);
  }

  /** The host loses its power: wire, daemon and containers at once. */
  async die(host: number, places: readonly Place[]): Promise<void> {
    await this.cluster.underlay.wire(host, 'down');
    await this.cluster.daemon(host).kill('SIGKILL');
    for (const { namespace } of places) {
      const pids = await this.#output('ip', 'netns', 'pids', basename(namespace));
      for (const pid of pids.split('\n').filter(Boolean)) killIfThere(Number(pid));
      await this.#output('ip', 'netns', 'del', basename(namespace));
    }
  }

  /** Everything that a Fairlead could have left on the host. */
  async traces(host: number): Promise<Traces> {
    const { dataRoot } = this.cluster.daemon(host);
    const tag = (await readFile(`${dataRoot}/node-id`, 'utf8')).slice(0, 4);
    const inHost = (...words: [string, ...string[]]) => this.cluster.host(host).run(...words);
    const entries = await readdir(dataRoot, { recursive: true });
    return {
      devices: await this.cluster.host(host).linkNames(),
      namespaces: (await readdir('/run/netns')).filter((name) => name.startsWith(`fl${tag}`)),
      tables: (await inHost('nft', 'list', 'tables')).trim(),
      rules: (await inHost('ip', 'rule')).trim().split('\n').length,
      // The identity and the embedded store are what the next start goes on with.
      files: entries.filter((path) => !/^(node-id|store|containers)(\/|$)/.test(path)).sort(),
    };
  }

  /** Everything in the KV store, but for the hosts that somebody has missed: they are remembered for a day. */
  async keys(): Promise<readonly string[]> {
    const known = [
      ...Object.values(folders).filter((folder) => typeof folder === 'string' && folder !== folders.gone),
      'cursors/',
      'addresses/',
      'network-names/',
    ];
    const entries = await Promise.all(known.map((folder) => this.store.list(folder)));
    const single = await Promise.all(
      [keys.schema, keys.identity, keys.subnets].map((key) => this.store.get(key)),
    );
    return [...entries.flat(), ...single.filter((entry) => entry !== undefined)].map(({ key }) => key);
  }

  async #output(...[program, ...args]: [string, ...string[]]): Promise<string> {
    return (await runToEnd([program, ...args])).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** Ends a process that may have ended with its parent a moment ago. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
