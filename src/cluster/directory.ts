import type { Check, CommitResult, Store, Write } from '../../kvstore/store.ts';
import { FairleadError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { folders, keys } from './keys.ts';
import {
  type Endpoint,
  endpointSchema,
  type Network,
  type NodeRecord,
  networkSchema,
  nodeSchema,
  type Scope,
  type Service,
  serviceSchema,
} from './records.ts';
import { Refill } from './refill.ts';
import { ensureSchema } from './schema.ts';
import { type Versioned, WatchedFolder } from './watched-folder.ts';

/** Where objects live. `global` is the same store as `local` when there is no --kv-store. */
export type Stores = Readonly<Record<Scope, Store>>;

/** How often a wait looks whether the KV store is still there, in milliseconds. */
const lookEveryMs = 250;

/** Told the ids of the networks whose own record, services or endpoints changed, or a node of an endpoint. */
export type DirectoryListener = (networkIds: ReadonlySet<string>) => void;

interface Folders {
  readonly networks: WatchedFolder<Network>;
  readonly services: WatchedFolder<Service>;
  readonly nodes: WatchedFolder<NodeRecord>;
}

/**
 * The in-memory copy that reads and DNS are answered from. Object lists of both stores are always
 * watched; endpoints of a global network only while this node takes part in it (`follow`), those of the
 * embedded store always, since they are all this node's.
 */
export class Directory {
  readonly #folders = new Map<Store, Folders>();
  readonly #endpoints = new Map<string, WatchedFolder<Endpoint>>();
  readonly #byNetwork = new Map<string, Map<string, Endpoint>>();
  readonly #listeners = new Set<DirectoryListener>();
  readonly #refill: Refill;

  constructor(
    readonly stores: Stores,
    private readonly log: Logger,
  ) {
    this.#refill = new Refill(stores.global, log);
    for (const store of new Set([stores.local, stores.global])) {
      this.#folders.set(store, this.#watchLists(store));
    }
    this.#endpoints.set('', this.#watchEndpoints(stores.local, folders.endpoints));
  }

  /** Resolves when what is on this host is known. The KV store is not waited for: it may be away. */
  async ready(): Promise<void> {
    const lists = this.#foldersOf(this.stores.local);
    await Promise.all([lists.networks.ready, lists.services.ready, lists.nodes.ready]);
    await this.#endpoints.get('')?.ready;
  }

  /** Before anything is written to the scope's store: it is marked if new, and refilled if it was wiped. */
  async enter(scope: Scope): Promise<void> {
    if (this.stores[scope] === this.stores.local) await ensureSchema(this.stores.local);
    else if (await this.#refill.needed()) await this.#putBack();
    else await this.#refill.enter();
  }

  /** Whether all lists have been seen once: until then what is absent here may be in the KV store all the same. */
  complete(): boolean {
    return [...this.#folders.values()].every(
      ({ networks, services, nodes }) => networks.isReady && services.isReady && nodes.isReady,
    );
  }

  subscribe(listener: DirectoryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  networks(): readonly Network[] {
    return this.#all((lists) => lists.networks);
  }

  services(): readonly Service[] {
    return this.#all((lists) => lists.services);
  }

  nodes(): readonly NodeRecord[] {
    return this.#all((lists) => lists.nodes);
  }

  network(id: string): Network | undefined {
    return this.networkEntry(id)?.record;
  }

  networkEntry(id: string): Versioned<Network> | undefined {
    return this.#first((lists) => lists.networks.get(keys.network(id)));
  }

  serviceEntry(networkId: string, name: string): Versioned<Service> | undefined {
    return this.#first((lists) => lists.services.get(keys.service(networkId, name)));
  }

  /** The live endpoints of a network that this node follows; empty for others. */
  endpointsOf(networkId: string): readonly Endpoint[] {
    return [...(this.#byNetwork.get(networkId)?.values() ?? [])];
  }

  endpointEntry(networkId: string, endpointId: string): Versioned<Endpoint> | undefined {
    const key = keys.endpoint(networkId, endpointId);
    return this.#endpoints.get(networkId)?.get(key) ?? this.#endpoints.get('')?.get(key);
  }

  /** Whether `endpointsOf` is the truth for this network. */
  follows(network: Network): boolean {
    return this.#storeOf(network) === this.stores.local || this.#endpoints.has(network.id);
  }

  /** From now on this node takes part in the network. Resolves when its endpoints are known. */
  async follow(network: Network): Promise<void> {
    if (this.follows(network)) return;
    const folder = this.#watchEndpoints(this.stores.global, folders.endpointsOf(network.id));
    this.#endpoints.set(network.id, folder);
    // What endpoints mean to an overlay depends on where their nodes are.
    const known = Promise.all([folder.ready, this.#foldersOf(this.stores.global).nodes.ready]);
    try {
      await this.#unlessAway(known);
    } catch (error) {
      await this.unfollow(network.id);
      throw error;
    }
  }

  /** Waits as long as the KV store is there: who starts a container must not wait for its return. */
  async #unlessAway(known: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const away = new Promise<never>((_, reject) => {
      timer = setInterval(() => {
        try {
          this.reachable('global');
        } catch (error) {
          reject(error);
        }
      }, lookEveryMs);
    });
    try {
      await Promise.race([known, away]);
    } finally {
      clearInterval(timer);
    }
  }

  async unfollow(networkId: string): Promise<void> {
    const folder = this.#endpoints.get(networkId);
    if (!folder) return;
    this.#endpoints.delete(networkId);
    this.#byNetwork.delete(networkId);
    await folder.stop();
    this.#notify(new Set([networkId]));
  }

  /**
   * Commits to the scope's store and returns once the directory shows it, so that whoever wrote reads it.
   * @throws unavailable at once when the store is known to be away
   */
  async commit(scope: Scope, checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    const store = this.reachable(scope);
    const result = await store.commit(checks, writes);
    if (!result.ok) return result;
    const watched = [...this.#foldersOf(store).all, ...this.#endpointFoldersOf(store)];
    await Promise.all(
      writes.map((write) => {
        const folder = watched.find((candidate) => candidate.covers(write.key));
        return folder?.settled(write.key, result.versions.get(write.key));
      }),
    );
    return result;
  }

  /** The scope's store, if it can be asked now. @throws unavailable, with since when */
  reachable(scope: Scope): Store {
    const store = this.stores[scope];
    const { reachable, name, since, reason } = store.status();
    if (reachable) return store;
    const why = reason ? ` (${reason})` : '';
    const when = new Date(since).toISOString();
    throw new FairleadError('unavailable', `kv store ${name} is unreachable since ${when}${why}`);
  }

  async close(): Promise<void> {
    const all = [...this.#folders.values()].flatMap((lists) => [lists.networks, lists.services, lists.nodes]);
    await Promise.all([...all, ...this.#endpoints.values()].map((folder) => folder.stop()));
  }

  #storeOf(network: Network): Store {
    return this.stores[network.scope];
  }

  #foldersOf(store: Store) {
    const lists = this.#folders.get(store);
    if (!lists) throw new FairleadError('internal', 'the directory does not watch this store');
    return { ...lists, all: [lists.networks, lists.services, lists.nodes] };
  }

  /** Those of the embedded store are one folder, under no network's id. */
  #endpointFoldersOf(store: Store): readonly WatchedFolder<Endpoint>[] {
    const all = [...this.#endpoints];
    return all.flatMap(([id, folder]) => ((id === '') === (store === this.stores.local) ? [folder] : []));
  }

  #watchLists(store: Store): Folders {
    const ofNetworks = (changed: readonly Network[]) => this.#notify(new Set(changed.map(({ id }) => id)));
    const ofServices = (changed: readonly Service[]) =>
      this.#notify(new Set(changed.map(({ networkId }) => networkId)));
    const ofNodes = (changed: readonly NodeRecord[]) => this.#notify(this.#networksOf(changed));
    const wasWiped = () => this.#wasWiped(store);
    return {
      networks: new WatchedFolder(store, folders.networks, networkSchema, this.log, ofNetworks, wasWiped),
      services: new WatchedFolder(store, folders.services, serviceSchema, this.log, ofServices, wasWiped),
      nodes: new WatchedFolder(store, folders.nodes, nodeSchema, this.log, ofNodes),
    };
  }

  /** Only a KV store can come back without its data: the embedded one is this process's own. */
  async #wasWiped(store: Store): Promise<boolean> {
    if (store === this.stores.local || !(await this.#refill.needed())) return false;
    void this.#putBack();
    return true;
  }

  #putBack(): Promise<void> {
    const { networks, services } = this.#foldersOf(this.stores.global);
    return this.#refill.run([...networks.records()], [...services.records()]);
  }

  #watchEndpoints(store: Store, prefix: string): WatchedFolder<Endpoint> {
    const folder: WatchedFolder<Endpoint> = new WatchedFolder(
      store,
      prefix,
      endpointSchema,
      this.log,
      (changed) => {
        for (const endpoint of changed) this.#index(folder, endpoint);
        this.#notify(new Set(changed.map(({ networkId }) => networkId)));
      },
    );
    return folder;
  }

  /** Brings the per-network index in line with the folder for one endpoint. */
  #index(folder: WatchedFolder<Endpoint>, { networkId, id }: Endpoint): void {
    const now = folder.get(keys.endpoint(networkId, id))?.record;
    const ofNetwork = this.#byNetwork.get(networkId) ?? new Map<string, Endpoint>();
    if (now) ofNetwork.set(id, now);
    else ofNetwork.delete(id);
    if (ofNetwork.size > 0) this.#byNetwork.set(networkId, ofNetwork);
    else this.#byNetwork.delete(networkId);
  }

  #networksOf(nodes: readonly NodeRecord[]): ReadonlySet<string> {
    const ids = new Set(nodes.map(({ id }) => id));
    const networks = [...this.#byNetwork].filter(([, of]) => [...of.values()].some((e) => ids.has(e.nodeId)));
    return new Set(networks.map(([networkId]) => networkId));
  }

  #notify(networkIds: ReadonlySet<string>): void {
    for (const listener of this.#listeners) listener(networkIds);
  }

  #all<T>(pick: (lists: Folders) => WatchedFolder<T>): readonly T[] {
    return [...this.#folders.values()].flatMap((lists) => [...pick(lists).records()]);
  }

  #first<T>(pick: (lists: Folders) => T | undefined): T | undefined {
    for (const lists of this.#folders.values()) {
      const found = pick(lists);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
