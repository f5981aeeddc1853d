import type { Check, CommitResult, Store, StoreStatus, Write } from '../../kvstore/store.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { EndpointFolders } from './folders/endpoint-folders.ts';
import { listed, type ObjectLists, watchLists } from './folders/object-lists.ts';
import type { Linger, Versioned, WatchedFolder } from './folders/watched-folder.ts';
import { type CandidateId, folders, keys } from './keys.ts';
import type { Candidate, Endpoint, Network, NodeRecord, Scope, Service } from './records.ts';
import { OpaqueMirror } from './reseed/opaque-mirror.ts';
import { Reseed } from './reseed/reseed.ts';
import { ensureSchema } from './schema.ts';
import { StoreGate, type Stores } from './store-gate.ts';

/** Told the ids of the networks whose own record, services or endpoints changed, or a node of an endpoint. */
export type DirectoryListener = (networkIds: ReadonlySet<string>) => void;
/** The same, and of the nodes whose record changed, if it was that. */
type ChangeListener = (networkIds: ReadonlySet<string>, nodeIds: ReadonlySet<string>) => void;

const noNodes: ReadonlySet<string> = new Set();

export interface DirectoryOptions {
  readonly nodeId?: string;
  /**
   * How long what a gap has taken is shown on, while its node may be about to put it again, in milliseconds:
   * a lease's time, since a node that takes longer is as good as dead.
   */
  readonly graceMs?: number;
  readonly clock?: Clock;
}

/** Less would not let nodes find the way back to a store: their tries are up to 2 s apart, and take turns. */
const leastGraceMs = 10_000;

/**
 * The in-memory copy that reads and DNS are answered from. Object lists of both stores are always
 * watched; endpoints of a global network only while this node takes part in it (`follow`), those of the
 * embedded store always, since they are all this node's.
 */
export class Directory {
  readonly #folders = new Map<Store, ObjectLists>();
  readonly #endpoints: EndpointFolders;
  readonly #listeners = new Set<ChangeListener>();
  readonly #reseed: Reseed;
  /** Read from the store by who needs them, and known here for the day that it is wiped. */
  readonly #apps: OpaqueMirror | undefined;
  readonly #graceMs: number;
  readonly #gate: StoreGate;
  readonly #clock: Clock;

  constructor(
    readonly stores: Stores,
    private readonly log: Logger,
    { nodeId, graceMs = 0, clock = systemClock }: DirectoryOptions = {},
  ) {
    this.#clock = clock;
    this.#reseed = new Reseed(stores.global, log);
    this.#graceMs = Math.max(graceMs, leastGraceMs);
    this.#gate = new StoreGate(stores, log, this.#graceMs, clock);
    for (const store of new Set([stores.local, stores.global])) {
      this.#folders.set(store, this.#watchLists(store));
    }
    if (stores.global !== stores.local)
      this.#apps = new OpaqueMirror(stores.global, folders.apps, log, () =>
        this.#unlessWiped(stores.global, folders.apps),
      );
    const onChange = (networkIds: ReadonlySet<string>) => this.#notify(networkIds);
    const doubts = (of: 'self' | 'other') => this.#gate.doubts(of);
    this.#endpoints = new EndpointFolders(stores.local, {
      ...{ log, clock, nodeId, graceMs: this.#graceMs, doubts, onChange },
    });
  }

  /** Resolves when what is on this host is known. The KV store is not waited for: it may be away. */
  async ready(): Promise<void> {
    const lists = this.#foldersOf(this.stores.local);
    await Promise.all([
      ...[lists.networks.ready, lists.services.ready],
      ...[lists.nodes.ready, lists.candidates.ready],
    ]);
    await this.#endpoints.ready;
  }

  /** Whether all lists have been seen once: until then what is absent here may be in the KV store all the same. */
  complete(): boolean {
    return [...this.#folders.values()].every(
      ({ networks, services, nodes }) => networks.isReady && services.isReady && nodes.isReady,
    );
  }

  /** Before `what` is said not to exist. @throws unavailable while not everything is known */
  requireComplete(what: string): void {
    if (this.complete()) return;
    throw new FairleadError('unavailable', `${what} is not known here: ${this.#gate.complaint('global')}`);
  }

  /**
   * Before anything is written to the scope's store: it is marked if new, and reseeded if it was wiped.
   * @throws invalid for a schema that is newer than this program; until it succeeds `reachable` says so
   */
  async enter(scope: Scope): Promise<void> {
    if (this.stores[scope] === this.stores.local) return void (await ensureSchema(this.stores.local));
    await this.#gate.open(async () => {
      if (await this.#reseed.needed()) await this.#putBack();
      else await this.#reseed.enter();
      await listed(this.#foldersOf(this.stores.global), this.stores.global);
    });
  }

  subscribe(listener: ChangeListener): () => void {
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

  /** Those who have an exclusive service or stand by for one, of all nodes. */
  candidates(): readonly Candidate[] {
    return this.#all((lists) => lists.candidates);
  }

  candidatesOf(serviceId: string): readonly Candidate[] {
    return this.candidates().filter((one) => one.serviceId === serviceId);
  }

  candidateEntry(id: CandidateId): Versioned<Candidate> | undefined {
    return this.#first((lists) => lists.candidates.get(keys.candidate(id)));
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
    return this.#endpoints.of(networkId);
  }

  /** As the store has it; `endpointsOf` shows more after a gap. */
  endpointEntry(networkId: string, endpointId: string): Versioned<Endpoint> | undefined {
    return this.#endpoints.stored(networkId, endpointId);
  }

  /** Whether `endpointsOf` is the truth for this network. */
  follows(network: Network): boolean {
    return this.#storeOf(network) === this.stores.local || this.#endpoints.isFollowed(network.id);
  }

  /** From now on this node takes part in the network. Resolves when its endpoints are known. @throws unavailable */
  async follow(network: Network): Promise<void> {
    if (!this.follows(network)) await this.#endpoints.follow(this.stores.global, network.id);
  }

  async unfollow(networkId: string): Promise<void> {
    await this.#endpoints.unfollow(networkId);
  }

  /** This living node has lost its lease, so other living nodes may have lost theirs. */
  doubt(): void {
    this.#gate.doubt();
  }

  /** Shows an endpoint of this node no longer though its record cannot be deleted now. */
  withhold(endpoint: Endpoint): void {
    this.#endpoints.withhold(endpoint);
  }

  /** Its record is in no store any more. */
  forgetLingering({ networkId, id }: Endpoint): void {
    for (const folder of this.#endpoints.all) folder.forget(keys.endpoint(networkId, id));
  }

  /** Shows it, if it was withheld. */
  admit(endpoint: Endpoint): void {
    this.#endpoints.admit(endpoint);
  }

  /**
   * Commits to the scope's store and returns once the directory shows it, so that the caller reads what it wrote.
   * @throws unavailable at once when the store is known to be away
   */
  async commit(scope: Scope, checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    const store = this.reachable(scope);
    const result = await store.commit(checks, writes);
    if (!result.ok) return result;
    const endpoints = store === this.stores.local ? [this.#endpoints.local] : this.#endpoints.followed;
    const watched = [...this.#foldersOf(store).all, ...endpoints];
    await Promise.all(
      writes.map((write) => {
        const folder = watched.find((candidate) => candidate.covers(write.key));
        return folder?.settled(write.key, result.versions.get(write.key));
      }),
    );
    return result;
  }

  /** The scope's store, if it can be used now. @throws unavailable, with since when and why */
  reachable(scope: Scope): Store {
    return this.#gate.reachable(scope);
  }

  /** The state of the scope's store. A store with a newer schema counts as unreachable. */
  status(scope: Scope): StoreStatus {
    return this.#gate.status(scope);
  }

  async close(): Promise<void> {
    const all = [...this.#folders.keys()].flatMap((store) => this.#foldersOf(store).all);
    await Promise.all([this.#endpoints.stop(), this.#apps?.stop(), ...all.map((folder) => folder.stop())]);
  }

  #storeOf(network: Network): Store {
    return this.stores[network.scope];
  }

  #foldersOf(store: Store) {
    const lists = this.#folders.get(store);
    if (!lists) throw new FairleadError('internal', 'the directory does not watch this store');
    return { ...lists, all: [lists.networks, lists.services, lists.nodes, lists.candidates] };
  }

  #watchLists(store: Store): ObjectLists {
    return watchLists(
      { store, log: this.log, clock: this.#clock, graceMs: this.#graceMs },
      {
        onNetworks: (networkIds) => this.#notify(networkIds),
        onNodes: (nodeIds) => this.#notify(this.#endpoints.networksOf(nodeIds), nodeIds),
        afterGap: (prefix) => this.#unlessWiped(store, prefix),
        doubts: () => this.#gate.doubts('other'),
      },
    );
  }

  /**
   * What a wiped store lacks stays until it is put back; the embedded store is this process's own. Another node may
   * have put everything back since the snapshot that lacks it. It does so with the identity last: what is not there
   * once the identity is, is gone.
   */
  async #unlessWiped(store: Store, prefix: string): Promise<Linger<unknown>> {
    if (store === this.stores.local) return () => 0;
    if (!(await this.#reseed.needed())) {
      const there = new Set((await store.list(prefix)).map(({ key }) => key));
      return (_, key) => (there.has(key) ? this.#graceMs : 0);
    }
    this.#putBack().catch((error: unknown) =>
      this.log.error({ err: error }, `put back what was lost: ${messageOf(error)}`),
    );
    return () => Number.POSITIVE_INFINITY;
  }

  async #putBack(): Promise<void> {
    const { networks, services } = this.#foldersOf(this.stores.global);
    const known = { networks: [...networks.records()], services: [...services.records()] };
    for (const { key } of await this.#reseed.run({ ...known, apps: this.#apps?.all() ?? [] })) {
      for (const folder of [networks, services]) folder.forget(key);
    }
  }

  #notify(networkIds: ReadonlySet<string>, nodeIds = noNodes): void {
    for (const listener of this.#listeners) listener(networkIds, nodeIds);
  }

  #all<T>(pick: (lists: ObjectLists) => WatchedFolder<T>): readonly T[] {
    return [...this.#folders.values()].flatMap((lists) => [...pick(lists).records()]);
  }

  #first<T>(pick: (lists: ObjectLists) => T | undefined): T | undefined {
    for (const lists of this.#folders.values()) {
      const found = pick(lists);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
