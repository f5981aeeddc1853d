import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { openStore } from '../../kvstore/open.ts';
import type { Store } from '../../kvstore/store.ts';
import { type Asked, askAs } from './ask.ts';
import { onHosts, onLoopback, type Place, type Spot, type Wire } from './cluster-place.ts';
import { TestDaemon } from './daemon.ts';
import { Reaper } from './reaper.ts';
import { type RunningStore, type StoreKind, wipe } from './stores.ts';
import { until } from './until.ts';

export interface ClusterOptions {
  readonly kind: StoreKind;
  readonly nodes: number;
  /** Each daemon on a host (network namespace) of its own, with a wire to the store that can be cut. */
  readonly hosts?: boolean;
  /** As `--lease-ttl` takes it; absent: the daemon's default. */
  readonly leaseTtl?: string;
  /** Further flags of every daemon. */
  readonly flags?: readonly string[];
}

const created = z.object({ Id: z.string() });
const networks = z.array(z.object({ Name: z.string(), Scope: z.string() }));
const inspected = z.object({
  State: z.object({ Running: z.boolean() }),
  NetworkSettings: z.object({
    Networks: z.record(z.string(), z.object({ IPAddress: z.string(), NetworkID: z.string() })),
  }),
});

/** One daemon of the cluster, in the simulated mode. */
export class ClusterNode {
  constructor(
    readonly name: string,
    readonly daemon: TestDaemon,
    private readonly spot: Spot,
  ) {}

  /** Between this daemon and the store: cut it, and only this one is cut off. */
  get wire(): Wire {
    if (!this.spot.wire) throw new Error('a cluster without hosts has no wires');
    return this.spot.wire;
  }

  /** @throws unless the status is below 400 */
  async must(method: string, path: string, body?: unknown): Promise<unknown> {
    const { status, text } = await this.daemon.call(method, path, body);
    if (status >= 400) throw new Error(`${method} ${path} on ${this.name}: ${status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async createNetwork(name: string, driver = 'overlay'): Promise<string> {
    return created.parse(await this.must('POST', '/networks/create', { Name: name, Driver: driver })).Id;
  }

  async networkId(name: string): Promise<string> {
    return created.parse(await this.must('GET', `/networks/${name}`)).Id;
  }

  async networkNames(scope: 'local' | 'global'): Promise<readonly string[]> {
    const all = networks.parse(await this.must('GET', '/networks'));
    return all.flatMap(({ Name, Scope }) => (Scope === scope ? [Name] : [])).sort();
  }

  /** Creates and starts a container. @returns its address on the network */
  async runOn(network: string, name: string): Promise<string> {
    await this.must('POST', `/containers/create?name=${name}`, {
      HostConfig: { NetworkMode: network },
      Image: 'x',
    });
    await this.must('POST', `/containers/${name}/start`);
    return await this.addressOf(name, network);
  }

  /** Empty when it is not on the network. */
  async addressOf(container: string, network: string): Promise<string> {
    const { NetworkSettings } = inspected.parse(await this.must('GET', `/containers/${container}/json`));
    return NetworkSettings.Networks[network]?.IPAddress ?? '';
  }

  /** Ids of the networks that a running container is on; none where there is no such container. */
  async networksOf(container: string): Promise<readonly string[]> {
    const { status, text } = await this.daemon.call('GET', `/containers/${container}/json`);
    if (status === 404) return [];
    const { State, NetworkSettings } = inspected.parse(JSON.parse(text));
    const all = Object.values(NetworkSettings.Networks);
    return State.Running ? all.map(({ NetworkID }) => NetworkID) : [];
  }

  /** @returns the service's id */
  async publish(name: string, network: string, shared = false): Promise<string> {
    const id = await this.must('POST', '/v1.23/services', { name, network_name: network, shared });
    return z.string().parse(id);
  }

  async attach(serviceId: string, container: string): Promise<{ status: number; text: string }> {
    return await this.daemon.call('POST', `/v1.23/services/${serviceId}/backend`, {
      container_id: container,
    });
  }

  async detach(serviceId: string, container: string): Promise<{ status: number; text: string }> {
    return await this.daemon.call('DELETE', `/v1.23/services/${serviceId}/backend/${container}`);
  }

  /** What a name is to the container with this address. */
  async ask(asker: string, name: string): Promise<Asked | undefined> {
    return await askAs(asker, name, this.spot.exchange);
  }

  /** Waits until a name has just these addresses for the asker; none: until there is no such name. */
  async resolves(
    asker: string,
    name: string,
    addresses: readonly string[],
    deadlineMs = 30_000,
  ): Promise<void> {
    const wanted = JSON.stringify([...addresses].sort());
    const look = () => this.ask(asker, name);
    const fits = (seen: Asked | undefined) => JSON.stringify(seen?.addresses) === wanted;
    await until(`${name} is ${wanted} on ${this.name}`, look, fits, deadlineMs);
  }

  async knows(network: string, deadlineMs = 30_000): Promise<void> {
    const look = async () => (await this.daemon.call('GET', `/networks/${network}`)).status;
    await until(`${this.name} knows ${network}`, look, (status) => status === 200, deadlineMs);
  }

  /** Waits until this node can write to the store again. */
  async joined(deadlineMs = 30_000): Promise<void> {
    const look = async () => (await this.daemon.call('GET', '/fairlead/nodes')).text;
    await until(
      `${this.name} has joined`,
      look,
      (text) => text.includes(`"name":"${this.name}"`),
      deadlineMs,
    );
  }
}

/**
 * Daemons of the simulated mode, each with a data root of its own, on one real store. What a test leaves behind that
 * ran out of time goes when its process does.
 */
export class Cluster implements AsyncDisposable {
  readonly #reaper = new Reaper();

  private constructor(
    readonly kind: StoreKind,
    readonly running: RunningStore,
    /** The store as the daemons see it, to look at what they wrote. */
    readonly store: Store,
    readonly nodes: readonly ClusterNode[],
    private readonly place: Place,
  ) {}

  static async start(options: ClusterOptions): Promise<Cluster> {
    const running = await options.kind.start();
    const place = options.hosts ? await onHosts(running, options.nodes) : onLoopback(running);
    const path = `flt-${randomUUID().slice(0, 8)}`;
    const store = await openStore(`${options.kind.provider}:127.0.0.1:${running.port}/${path}`, {});
    const nodes: ClusterNode[] = [];
    const cluster = new Cluster(options.kind, running, store, nodes, place);
    cluster.#watchOver();
    try {
      // One after another: they share the machine's cores with other tests.
      for (let i = 1; i <= options.nodes; i += 1)
        nodes.push(cluster.#watched(await startNode(`n${i}`, await place.spot(i), path, options)));
      await cluster.allJoined();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  node(number: 1 | 2 | 3): ClusterNode {
    const node = this.nodes[number - 1];
    if (!node) throw new Error(`the cluster has ${this.nodes.length} nodes`);
    return node;
  }

  /** Waits until every node knows that every other is there. */
  async allJoined(deadlineMs = 30_000): Promise<void> {
    const all = JSON.stringify(this.nodes.map(({ name }) => name));
    for (const { name, daemon } of this.nodes) {
      const look = async () => {
        const { text } = await daemon.call('GET', '/fairlead/nodes');
        return JSON.stringify(nodeNames.parse(JSON.parse(text)).map((node) => node.name));
      };
      await until(`${name} sees ${all}`, look, (seen) => seen === all, deadlineMs);
    }
  }

  /** The server comes back without anything it knew. */
  async wipe(): Promise<void> {
    await this.running.server.stop();
    await wipe(this.running);
    await this.running.server.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    await Promise.all(this.nodes.map(({ daemon }) => daemon.kill('SIGKILL')));
    for (const { daemon } of this.nodes) await daemon[Symbol.asyncDispose]();
    await this.place[Symbol.asyncDispose]();
    await this.running[Symbol.asyncDispose]();
    this.#reaper.done();
  }

  #watchOver(): void {
    const { pid, directory } = this.running.server;
    this.#reaper.process(pid);
    this.#reaper.directory(directory);
    for (const name of this.place.namespaces) this.#reaper.namespace(name);
  }

  #watched(node: ClusterNode): ClusterNode {
    this.#reaper.process(node.daemon.pid);
    this.#reaper.dataRoot(node.daemon.dataRoot);
    return node;
  }
}

const nodeNames = z.array(z.object({ name: z.string() }));

async function startNode(
  name: string,
  spot: Spot,
  path: string,
  { kind, leaseTtl, flags = [] }: ClusterOptions,
): Promise<ClusterNode> {
  const all = [
    ...['--dataplane', 'simulated', '--node-name', name, '--dns-listen', spot.dns],
    ...['--kv-store', `${kind.provider}:${spot.store}/${path}`],
    ...(leaseTtl === undefined ? [] : ['--lease-ttl', leaseTtl]),
    ...flags,
  ];
  const { namespace } = spot;
  const daemon = await TestDaemon.start({ flags: all, ...(namespace ? { namespace } : {}) });
  return new ClusterNode(name, daemon, spot);
}
