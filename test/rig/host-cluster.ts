import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from './daemon.ts';
import { HostStore, type StoreName, type StoreServer } from './host-store.ts';
import type { TestHost } from './namespace.ts';
import { Reaper } from './reaper.ts';
import { Underlay } from './underlay.ts';

export interface HostClusterOptions {
  readonly hosts: number;
  readonly store: StoreName;
  /** As `--lease-ttl` takes it; absent: the daemon's default. */
  readonly leaseTtl?: string;
  /** Further flags of every daemon. */
  readonly flags?: readonly string[];
  /** What else is to be on the hosts before a daemon is. */
  readonly prepare?: (underlay: Underlay) => Promise<void>;
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
      await options.prepare?.(cluster.underlay);
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
    return this.#theStore.url;
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
    return this.#theStore.server;
  }

  #store: HostStore | undefined;

  get #theStore(): HostStore {
    if (!this.#store) throw new Error('the store has not been started');
    return this.#store;
  }

  async #openStore(): Promise<void> {
    const { store, hosts } = this.options;
    this.#store = await HostStore.start(store, this.underlay, hosts + 1, this.#reaper);
    this.#opened.push(this.#store);
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
