import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConsulServer, startConsul } from './consul.ts';
import { TestDaemon } from './daemon.ts';
import { type EtcdServer, startEtcd } from './etcd.ts';
import type { TestHost } from './namespace.ts';
import { Reaper } from './reaper.ts';
import { Relay } from './relay.ts';
import { Underlay } from './underlay.ts';
import { startZooKeeper, type ZooKeeperServer } from './zookeeper.ts';

export const storeNames = ['consul', 'etcd', 'zookeeper'] as const;
export type StoreName = (typeof storeNames)[number];
type StoreServer = ConsulServer | EtcdServer | ZooKeeperServer;

const starters: Readonly<Record<StoreName, () => Promise<StoreServer>>> = {
  consul: () => startConsul(),
  etcd: () => startEtcd(),
  zookeeper: () => startZooKeeper(),
};
const ports: Readonly<Record<StoreName, number>> = { consul: 8500, etcd: 2379, zookeeper: 2181 };

export interface HostClusterOptions {
  readonly hosts: number;
  readonly store: StoreName;
  /** As `--lease-ttl` takes it; absent: the daemon's default. */
  readonly leaseTtl?: string;
  /** Further flags of every daemon. */
  readonly flags?: readonly string[];
}

/**
 * Hosts on one wire with a daemon each, and one more host that has the KV store. Whatever becomes of this
 * process, all of it goes when the process does.
 */
export class HostCluster implements AsyncDisposable {
  readonly #opened: AsyncDisposable[] = [];
  readonly #daemons: TestDaemon[] = [];
  readonly #reaper = new Reaper();

  private constructor(
    readonly underlay: Underlay,
    private readonly options: HostClusterOptions,
  ) {}

  static async create(options: HostClusterOptions): Promise<HostCluster> {
    const cluster = new HostCluster(await Underlay.create(options.hosts + 1), options);
    for (const name of cluster.underlay.namespaces) cluster.#reaper.namespace(name);
    try {
      await cluster.#openStore();
      await cluster.#startDaemons();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** For --kv-store, as the hosts see it. */
  get storeUrl(): string {
    const { store } = this.options;
    return `${store}:${Underlay.address(this.#storeHost)}:${ports[store]}`;
  }

  /** Counted from 1, as hosts are. */
  daemon(number: number): TestDaemon {
    const daemon = this.#daemons[number - 1];
    if (!daemon) throw new Error(`there is no daemon ${number}`);
    return daemon;
  }

  get daemons(): readonly TestDaemon[] {
    return this.#daemons;
  }

  host(number: number): TestHost {
    return this.underlay.host(number);
  }

  /** The KV store's own server, to be asked behind the daemons' backs. */
  get server(): StoreServer {
    if (!this.#server) throw new Error('the store has not been started');
    return this.#server;
  }

  #server: StoreServer | undefined;

  get #storeHost(): number {
    return this.options.hosts + 1;
  }

  async #openStore(): Promise<void> {
    const { store } = this.options;
    this.#server = await starters[store]();
    this.#opened.push(this.#server);
    this.#reaper.process(this.#server.server.pid);
    this.#reaper.directory(this.#server.server.directory);
    const relay = await Relay.start({
      namespace: this.host(this.#storeHost).path,
      address: Underlay.address(this.#storeHost),
      port: ports[store],
      target: this.#server.port,
      directory: this.#server.server.directory,
    });
    this.#opened.push(relay);
  }

  async #startDaemons(): Promise<void> {
    const numbers = Array.from({ length: this.options.hosts }, (_, i) => i + 1);
    const started = await Promise.allSettled(numbers.map((number) => this.#startDaemon(number)));
    for (const result of started) {
      if (result.status === 'rejected') throw result.reason;
      this.#daemons.push(result.value);
    }
  }

  async #startDaemon(number: number): Promise<TestDaemon> {
    const dataRoot = await mkdtemp(join(tmpdir(), `flt-host${number}-`));
    this.#reaper.dataRoot(dataRoot);
    const { leaseTtl, flags = [] } = this.options;
    const daemon = await TestDaemon.start({
      namespace: this.host(number).path,
      dataRoot,
      flags: [
        ...['--dataplane', 'linux', '--node-name', `host${number}`],
        ...['--kv-store', this.storeUrl, '--advertise', 'up0'],
        ...(leaseTtl === undefined ? [] : ['--lease-ttl', leaseTtl]),
        ...flags,
      ],
    });
    this.#opened.push(daemon);
    return daemon;
  }

  /** Daemons with their containers go first, then what they use. */
  async [Symbol.asyncDispose](): Promise<void> {
    const daemons = this.#opened.filter((one) => one instanceof TestDaemon);
    const others = this.#opened.filter((one) => !(one instanceof TestDaemon)).reverse();
    const failures: unknown[] = [];
    for (const group of [daemons, ...others.map((one) => [one]), [this.underlay]]) {
      const results = await Promise.allSettled(group.map((one) => one[Symbol.asyncDispose]()));
      failures.push(...results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])));
    }
    if (failures.length === 0) return this.#reaper.done();
    await this.#reaper.reap();
    throw failures[0];
  }

  /** Ends everything as it stands, by force. */
  async abandon(): Promise<void> {
    await this.#reaper.reap();
    // What is this process's own would keep it from ending.
    const own = this.#opened.filter((one) => !(one instanceof TestDaemon));
    await Promise.allSettled(own.map((one) => one[Symbol.asyncDispose]()));
  }
}
