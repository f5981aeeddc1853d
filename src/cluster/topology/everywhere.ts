import type { Store } from '../../../kvstore/store.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { WatchedFolder } from '../folders/watched-folder.ts';
import { folders, keys } from '../keys.ts';
import { type Endpoint, endpointSchema } from '../records.ts';

export interface EverywhereDeps {
  /** That the nodes share. */
  readonly store: Store;
  readonly log: Logger;
  readonly clock: Clock;
  /** A node whose lease the store has let go of has this long to put its endpoints again, in milliseconds. */
  readonly graceMs: number;
  readonly onChange: (networkIds: ReadonlySet<string>) => void;
}

/** The endpoints of all networks in the KV store, whether this node takes part in them or not. */
export class Everywhere {
  readonly #folder: WatchedFolder<Endpoint>;
  readonly #byNetwork = new Map<string, Map<string, Endpoint>>();

  constructor({ onChange, ...deps }: EverywhereDeps) {
    this.#folder = new WatchedFolder({
      ...{ ...deps, prefix: folders.endpoints, schema: endpointSchema },
      afterGap: async () => () => deps.graceMs,
      onChange: (changed) => {
        for (const endpoint of changed) this.#index(endpoint);
        onChange(new Set(changed.map(({ networkId }) => networkId)));
      },
    });
  }

  get ready(): Promise<void> {
    return this.#folder.ready;
  }

  /** Undefined: not known yet. */
  of(networkId: string): readonly Endpoint[] | undefined {
    if (!this.#folder.isReady) return undefined;
    return [...(this.#byNetwork.get(networkId)?.values() ?? [])];
  }

  /** Networks that an endpoint of one of these nodes is on. */
  networksOf(nodeIds: ReadonlySet<string>): readonly string[] {
    const holds = (of: ReadonlyMap<string, Endpoint>) =>
      [...of.values()].some(({ nodeId }) => nodeIds.has(nodeId));
    return [...this.#byNetwork].filter(([, of]) => holds(of)).map(([networkId]) => networkId);
  }

  async stop(): Promise<void> {
    await this.#folder.stop();
  }

  #index({ networkId, id }: Endpoint): void {
    const now = this.#folder.get(keys.endpoint(networkId, id))?.record;
    const of = this.#byNetwork.get(networkId) ?? new Map<string, Endpoint>();
    if (now) of.set(id, now);
    else of.delete(id);
    if (of.size > 0) this.#byNetwork.set(networkId, of);
    else this.#byNetwork.delete(networkId);
  }
}
