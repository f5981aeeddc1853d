import { resolverAddress } from '../../src/dataplane/names.ts';
import { EngineHost } from './engine-host.ts';
import type { EngineVersion } from './engine-version.ts';
import { HostStore, type StoreName } from './host-store.ts';
import { Reaper } from './reaper.ts';
import { Underlay } from './underlay.ts';

export interface EngineClusterOptions {
  readonly hosts: number;
  readonly store: StoreName;
  /** Of every host's Engine; absent: the oracle. */
  readonly version?: EngineVersion;
  /** As `--lease-ttl` takes it; absent: the daemon's default. */
  readonly leaseTtl?: string;
  /** Further flags of every daemon. */
  readonly flags?: readonly string[];
  /** Further members of every Engine's daemon.json, which has the daemon's DNS. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/**
 * Hosts on one wire with a Docker Engine and a daemon each, and one more host that has the KV store. Whatever
 * becomes of this process, all of it goes when the process does.
 */
export class EngineCluster implements AsyncDisposable {
  #store: HostStore | undefined;
  #hosts: readonly EngineHost[] = [];
  readonly #reaper = new Reaper();

  private constructor(
    readonly underlay: Underlay,
    private readonly options: EngineClusterOptions,
  ) {}

  static async create(options: EngineClusterOptions): Promise<EngineCluster> {
    const cluster = new EngineCluster(await Underlay.create(options.hosts + 1), options);
    for (const name of cluster.underlay.namespaces) cluster.#reaper.namespace(name);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get hosts(): readonly EngineHost[] {
    return this.#hosts;
  }

  /** Counted from 1. */
  host(number: number): EngineHost {
    const host = this.#hosts[number - 1];
    if (!host) throw new Error(`there is no host ${number}`);
    return host;
  }

  get store(): HostStore {
    if (!this.#store) throw new Error('the store has not been started');
    return this.#store;
  }

  async #start(): Promise<void> {
    const { hosts, store, version, leaseTtl, flags = [], config = {} } = this.options;
    const numbers = Array.from({ length: hosts }, (_, i) => i + 1);
    // The store's host is the last one, so that hosts are numbered as their addresses.
    const [storeServer, ...started] = await Promise.allSettled([
      HostStore.start(store, this.underlay, hosts + 1, this.#reaper),
      ...numbers.map((number) =>
        EngineHost.create({
          network: this.underlay.host(number),
          name: `host${number}`,
          reaper: this.#reaper,
          ...(version !== undefined && { version }),
          config: { dns: [resolverAddress], ...config },
          flags: [
            ...['--kv-store', `${store}:${Underlay.address(hosts + 1)}:${HostStore.port(store)}`],
            ...['--advertise', 'up0', ...(leaseTtl === undefined ? [] : ['--lease-ttl', leaseTtl]), ...flags],
          ],
        }),
      ),
    ]);
    if (storeServer.status === 'rejected') throw storeServer.reason;
    this.#store = storeServer.value;
    this.#hosts = started.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    await Promise.all(this.#hosts.map((host) => host.startDaemon()));
  }

  /** By force: with live-restore containers would outlive their Engine. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reaper.reap();
    await this.#store?.[Symbol.asyncDispose]();
  }
}
