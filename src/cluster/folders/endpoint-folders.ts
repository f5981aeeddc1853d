import type { Store } from '../../../kvstore/store.ts';
import type { Clock } from '../../lib/clock.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { folders, keys } from '../keys.ts';
import { type Endpoint, endpointSchema } from '../records.ts';
import { type Versioned, WatchedFolder } from './watched-folder.ts';

/** How often a wait looks whether the KV store is still there, in milliseconds. */
const lookEveryMs = 250;

export interface EndpointFoldersDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  /** This node's own. */
  readonly nodeId: string | undefined;
  /** How long other nodes have to put again what a gap has taken, in milliseconds. */
  readonly graceMs: number;
  /** Whether leases of living nodes may have ended: see Directory.doubt. */
  readonly doubts?: (of: 'self' | 'other') => boolean;
  readonly onChange: (networkIds: ReadonlySet<string>) => void;
}

/** Endpoints by network: those of the embedded store always, of a global network while it is followed. */
export class EndpointFolders {
  readonly #local: WatchedFolder<Endpoint>;
  readonly #followed = new Map<string, WatchedFolder<Endpoint>>();
  readonly #byNetwork = new Map<string, Map<string, Endpoint>>();
  /** Endpoint → container: it has left, and the record could not be deleted. */
  readonly #withheld = new Map<string, string>();

  constructor(
    local: Store,
    private readonly deps: EndpointFoldersDeps,
  ) {
    this.#local = this.#watch(local, folders.endpoints, false);
  }

  get ready(): Promise<void> {
    return this.#local.ready;
  }

  get local(): WatchedFolder<Endpoint> {
    return this.#local;
  }

  get followed(): readonly WatchedFolder<Endpoint>[] {
    return [...this.#followed.values()];
  }

  get all(): readonly WatchedFolder<Endpoint>[] {
    return [this.#local, ...this.#followed.values()];
  }

  of(networkId: string): readonly Endpoint[] {
    const all = [...(this.#byNetwork.get(networkId)?.values() ?? [])];
    return this.#withheld.size === 0 ? all : all.filter(({ id }) => !this.#withheld.has(id));
  }

  /** Networks that an endpoint of one of these nodes is on. */
  networksOf(nodeIds: ReadonlySet<string>): ReadonlySet<string> {
    const networks = [...this.#byNetwork].filter(([, of]) =>
      [...of.values()].some((e) => nodeIds.has(e.nodeId)),
    );
    return new Set(networks.map(([networkId]) => networkId));
  }

  /** What the store has; not what is only shown on after a gap. */
  stored(networkId: string, endpointId: string): Versioned<Endpoint> | undefined {
    const key = keys.endpoint(networkId, endpointId);
    return this.#followed.get(networkId)?.stored(key) ?? this.#local.stored(key);
  }

  isFollowed(networkId: string): boolean {
    return this.#followed.get(networkId)?.isReady ?? false;
  }

  /** Resolves when the network's endpoints are known. @throws unavailable when the store does not tell */
  async follow(store: Store, networkId: string): Promise<void> {
    const known = this.#followed.get(networkId);
    const folder = known ?? this.#watch(store, folders.endpointsOf(networkId), true);
    this.#followed.set(networkId, folder);
    // Who starts a container must not wait for the store's return.
    while (store.status().reachable) if (await withTimeout(folder.ready, lookEveryMs)) return;
    await this.unfollow(networkId);
    throw new FairleadError('unavailable', `kv store ${store.status().name} went away`);
  }

  async unfollow(networkId: string): Promise<void> {
    const folder = this.#followed.get(networkId);
    if (!folder) return;
    this.#followed.delete(networkId);
    this.#byNetwork.delete(networkId);
    await folder.stop();
    this.deps.onChange(new Set([networkId]));
  }

  /** Hides an endpoint of this node whose container has left, whatever the store has. */
  withhold({ networkId, id, containerId }: Endpoint): void {
    for (const folder of this.all) folder.forget(keys.endpoint(networkId, id));
    if (this.#byNetwork.get(networkId)?.get(id)?.containerId !== containerId) return;
    this.#withheld.set(id, containerId);
    this.deps.onChange(new Set([networkId]));
  }

  /** The endpoint is this node's again. */
  admit({ networkId, id }: Endpoint): void {
    if (this.#withheld.delete(id)) this.deps.onChange(new Set([networkId]));
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((folder) => folder.stop()));
  }

  #watch(store: Store, prefix: string, isShared: boolean): WatchedFolder<Endpoint> {
    const { log, clock, graceMs, nodeId } = this.deps;
    const doubts = (endpoint: Endpoint) =>
      this.deps.doubts?.(endpoint.nodeId === nodeId ? 'self' : 'other') ?? false;
    const folder: WatchedFolder<Endpoint> = new WatchedFolder({
      store,
      prefix,
      schema: endpointSchema,
      log,
      ...(clock ? { clock } : {}),
      onChange: (changed) => {
        for (const endpoint of changed) this.#index(folder, endpoint);
        this.deps.onChange(new Set(changed.map(({ networkId }) => networkId)));
      },
      // The embedded store is this process's own, and knows no gaps.
      ...(isShared ? { graceMs, doubts, afterGap: () => this.#judge(store, prefix) } : {}),
    });
    return folder;
  }

  /**
   * A snapshot after a gap lacks endpoints. Three reasons: their containers left (gone at once), their node
   * is dead, or the store let go of their leases, or of everything, and their node has yet to put them
   * again. A node puts its own record after all its endpoints (node-lease.ts), and both end with one lease:
   * where the record is, what lacks is gone for good. Nodes first, endpoints second: what a node puts
   * between the two is found.
   */
  async #judge(store: Store, prefix: string): Promise<(endpoint: Endpoint) => number> {
    const nodes = new Set((await store.list(folders.nodes)).map(({ key }) => key));
    const endpoints = new Set((await store.list(prefix)).map(({ key }) => key));
    return ({ id, networkId, nodeId }) => {
      if (nodeId === this.deps.nodeId) return Number.POSITIVE_INFINITY;
      if (endpoints.has(keys.endpoint(networkId, id))) return this.deps.graceMs;
      return nodes.has(keys.node(nodeId)) ? 0 : this.deps.graceMs;
    };
  }

  /** Brings the per-network index in line with the folder for one endpoint. */
  #index(folder: WatchedFolder<Endpoint>, { networkId, id }: Endpoint): void {
    const now = folder.get(keys.endpoint(networkId, id))?.record;
    if (now?.containerId !== this.#withheld.get(id)) this.#withheld.delete(id);
    const ofNetwork = this.#byNetwork.get(networkId) ?? new Map<string, Endpoint>();
    if (now) ofNetwork.set(id, now);
    else ofNetwork.delete(id);
    if (ofNetwork.size > 0) this.#byNetwork.set(networkId, ofNetwork);
    else this.#byNetwork.delete(networkId);
  }
}
