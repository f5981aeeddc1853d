import * as z from 'zod';
import type { Store } from '../../../kvstore/store.ts';
import { decodeOrSkip } from '../../cluster/decode.ts';
import { folders, keys } from '../../cluster/keys.ts';
import type { Network, Pool } from '../../cluster/records.ts';
import { contains, parseAddress, parseSubnet } from '../../lib/addresses.ts';
import { FairleadError, isKind } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import { takenByNetworks, takenByOthers } from '../addressing/network-pools.ts';
import { planDefaultPool, planPools, planUniqueLocalPool, type Taken } from '../addressing/pools.ts';
import type { NetworkContext } from '../context.ts';
import type { Reservations } from '../networks/reservations.ts';

/** What the Engine says when it asks for a pool; empty: ours to choose. */
export interface PoolAsked {
  readonly subnet: string;
  readonly ipRange: string;
  readonly options: Readonly<Record<string, string>>;
  readonly v6: boolean;
}

/** Option by which the networks and pools that we make at an Engine say whose they are. */
export const networkOption = 'com.fairlead.network';

/**
 * A pool of a network that is being created at this node's Engine: nobody else knows of the network yet. Once the
 * network is adopted (engine/networks.ts) its pools are in its record, and `networkId` says so.
 */
const draftSchema = z.object({
  subnet: z.string(),
  ipRange: z.string().optional(),
  gateway: z.string(),
  auxAddresses: z.array(z.string()),
  networkId: z.string().optional(),
});
export type PoolDraft = Readonly<z.infer<typeof draftSchema>>;

/** Pools as the Engine knows them: by ids that we give out, kept in the embedded store. */
export class EnginePools {
  readonly #drafts = new Map<string, PoolDraft>();

  constructor(
    private readonly parts: NetworkContext,
    private readonly store: Store,
    private readonly reservations: Reservations,
  ) {}

  async load(): Promise<void> {
    for (const entry of await this.store.list(folders.enginePools)) {
      const draft = decodeOrSkip(draftSchema, entry);
      if (draft) this.#drafts.set(entry.key.slice(folders.enginePools.length), draft);
    }
  }

  /** @throws invalid | forbidden (overlap) | exhausted | not-found for a network that is no more */
  async request(asked: PoolAsked): Promise<{ readonly poolId: string; readonly subnet: string }> {
    const networkId = asked.options[networkOption];
    if (networkId !== undefined) return this.#poolOf(networkId, asked.subnet);
    const others = takenByOthers(this.parts, await this.parts.dataplane.hostSubnets());
    const poolId = newId();
    const pool = await this.#reserved(poolId, (taken) => this.#plan(asked, taken, others));
    await this.#put(poolId, {
      subnet: pool.subnet,
      ipRange: pool.ipRange,
      gateway: pool.gateway,
      auxAddresses: [],
    });
    return { poolId, subnet: pool.subnet };
  }

  /** No other host gets it from now on; while the KV store is away that is seen when the network is created. */
  async #reserved(id: string, plan: (taken: readonly Taken[]) => Pool): Promise<Pool> {
    let pool: Pool | undefined;
    const planned = (taken: readonly Taken[]): Pool => {
      pool = plan(taken);
      return pool;
    };
    try {
      await this.reservations.take({
        ...{ scope: 'global', id, of: 'pool', replaces: [] },
        plan: (taken) => [planned(taken).subnet],
      });
    } catch (error) {
      if (!isKind(error, 'unavailable')) throw error;
      pool = plan(takenByNetworks(this.parts, {}));
    }
    if (!pool) throw new FairleadError('internal', 'no pool was planned');
    return pool;
  }

  #plan(asked: PoolAsked, byNetworks: readonly Taken[], others: readonly Taken[]): Pool {
    const defaults = this.parts.settings.globalPools;
    const drafts = [...this.#drafts.values()].map(({ subnet }) => ({
      subnet: parseSubnet(subnet),
      by: 'a network that is being created',
    }));
    const taken = [...byNetworks, ...drafts];
    if (asked.subnet) {
      const given = { subnet: asked.subnet, ...(asked.ipRange ? { ipRange: asked.ipRange } : {}) };
      const [pool] = planPools([given], { defaults, taken, others });
      if (pool) return pool;
    }
    return asked.v6 ? planUniqueLocalPool() : planDefaultPool(defaults, [...taken, ...others]);
  }

  #poolOf(networkId: string, subnet: string) {
    const network = this.parts.directory.network(networkId);
    if (!network) throw new FairleadError('not-found', `network ${networkId} is not known here`);
    const pool = network.ipam.pools.find((one) => one.subnet === parseSubnet(subnet).text);
    if (!pool) throw new FairleadError('invalid', `network ${network.name} has no subnet ${subnet}`);
    return { poolId: `${network.id}/${pool.subnet}`, subnet: pool.subnet };
  }

  draft(poolId: string): PoolDraft | undefined {
    return this.#drafts.get(poolId);
  }

  /** The network that the pool is of; undefined while it is being created. */
  networkOf(poolId: string): Network | undefined {
    const [id = ''] = poolId.split('/');
    return this.parts.directory.network(this.#drafts.get(poolId)?.networkId ?? id);
  }

  /** Sets an address of a network to come aside. @returns it with prefix length */
  async reserve(poolId: string, address: string, purpose: 'gateway' | 'auxiliary'): Promise<string> {
    const draft = this.#drafts.get(poolId);
    if (!draft) throw new FairleadError('not-found', `pool ${poolId} is not known here`);
    const subnet = parseSubnet(draft.subnet);
    const chosen = address === '' ? draft.gateway : parseAddress(address);
    if (!contains(subnet, chosen)) {
      throw new FairleadError('invalid', `address ${chosen} is not in subnet ${subnet.text}`);
    }
    await this.#put(poolId, {
      ...draft,
      ...(purpose === 'gateway' ? { gateway: chosen } : { auxAddresses: [...draft.auxAddresses, chosen] }),
    });
    return `${chosen}/${subnet.prefixLength}`;
  }

  /** The pools that were given for these subnets and are of no network yet. */
  of(subnets: readonly string[]): readonly (readonly [string, PoolDraft])[] {
    const wanted = new Set(subnets.map((subnet) => parseSubnet(subnet).text));
    return [...this.#drafts].filter(
      ([, { subnet, networkId }]) => networkId === undefined && wanted.has(subnet),
    );
  }

  async assign(poolId: string, networkId: string): Promise<void> {
    const draft = this.#drafts.get(poolId);
    if (draft) await this.#put(poolId, { ...draft, networkId });
  }

  /** Repeatable. */
  async release(poolId: string): Promise<void> {
    if (!this.#drafts.delete(poolId)) return;
    await this.reservations.release(poolId).catch((error: unknown) => {
      // Then a later look gives it back.
      if (!isKind(error, 'unavailable')) throw error;
    });
    await this.store.commit([], [{ op: 'delete', key: keys.enginePool(poolId) }]);
  }

  async #put(poolId: string, draft: PoolDraft): Promise<void> {
    await this.store.commit([], [{ op: 'put', key: keys.enginePool(poolId), value: JSON.stringify(draft) }]);
    this.#drafts.set(poolId, draft);
  }
}
