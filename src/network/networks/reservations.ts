import type { Store } from '../../../kvstore/store.ts';
import { decodeOrSkip, decodeOrThrow } from '../../cluster/decode.ts';
import { folders, keys } from '../../cluster/keys.ts';
import {
  type Reservation,
  reservationSchema,
  type Scope,
  type Subnets,
  subnetsSchema,
} from '../../cluster/records.ts';
import { commitWithRetry } from '../../cluster/retry.ts';
import { shortId } from '../../lib/ids.ts';
import { takenByNetworks } from '../addressing/network-pools.ts';
import type { Taken } from '../addressing/pools.ts';
import type { NetworkContext } from '../context.ts';

type Parts = Pick<
  NetworkContext,
  'directory' | 'nodeLease' | 'locks' | 'settings' | 'driverNamed' | 'clock' | 'log'
>;

interface Own {
  readonly scope: Scope;
  readonly of: Reservation['of'];
  /** By the monotonic clock; of an earlier life: long ago. */
  readonly since: number;
}

export interface Asked {
  readonly scope: Scope;
  /** Of the network or pool to come. */
  readonly id: string;
  readonly of: Reservation['of'];
  /** Reservations that become this one. */
  readonly replaces: readonly string[];
  /** Decides the subnets beside what is taken. @throws forbidden (overlap) | exhausted */
  readonly plan: (taken: readonly Taken[]) => readonly string[];
}

/** What was there before a reservation: its network has none of these names. */
export interface Before {
  /** Ids of networks that Engines of other nodes had begun to create, and had not named. */
  readonly unnamed: readonly string[];
  /** Short ids of networks that the directory does not show yet. */
  readonly unseen: readonly string[];
}

/**
 * Subnets of networks that this node's Engine is just creating. They stand in the document of subnets like those of
 * networks, so that two hosts can never both have one; a key on the node's lease says that they are no network's yet.
 */
export class Reservations {
  readonly #own = new Map<string, Own>();

  constructor(private readonly parts: Parts) {}

  /** Those of an earlier life of this daemon: what its Engine was creating then. */
  async load(): Promise<void> {
    const { stores } = this.parts.directory;
    for (const scope of stores.global === stores.local
      ? (['global'] as const)
      : (['local', 'global'] as const)) {
      const found = await listed(stores[scope]).catch(() => new Map<string, Reservation>());
      for (const [id, { nodeId, of }] of found)
        if (nodeId === this.parts.nodeLease.self.id) this.#own.set(id, { scope, of, since: -Infinity });
    }
  }

  /**
   * Takes subnets for what is to come.
   * @throws as `plan` does | unavailable
   */
  async take({ scope, id, of, replaces, plan }: Asked): Promise<Before> {
    const { directory, nodeLease, locks, clock } = this.parts;
    const lease = nodeLease.lease(scope);
    const before = await locks.run('addresses', 'subnets', () =>
      commitWithRetry(directory, scope, 'reserve a subnet', async () => {
        const { used, check, reservations } = await this.#read(scope, [id, ...replaces]);
        const subnets = plan(takenByNetworks(this.parts, used));
        const record: Reservation = { nodeId: nodeLease.self.id, of };
        return {
          result: this.#before(used, reservations),
          checks: [check],
          writes: [
            { op: 'put', key: keys.subnets, value: JSON.stringify({ ...used, [shortId(id)]: subnets }) },
            { op: 'put', key: keys.reservation(id), value: JSON.stringify(record), lease },
            ...replaces.map((other) => ({ op: 'delete', key: keys.reservation(other) }) as const),
          ],
        };
      }),
    );
    for (const other of replaces) this.#own.delete(other);
    this.#own.set(id, { scope, of, since: clock.monotonic() });
    return before;
  }

  #before(used: Subnets, reservations: ReadonlyMap<string, Reservation>): Before {
    const { directory, nodeLease } = this.parts;
    const known = new Set([...directory.networks().map(({ id }) => id), ...reservations.keys()].map(shortId));
    const unnamed = [...reservations].flatMap(([id, { nodeId, of }]) =>
      of === 'network' && nodeId !== nodeLease.self.id && shortId(id) in used ? id : [],
    );
    return { unnamed, unseen: Object.keys(used).filter((id) => !known.has(id)) };
  }

  /** It has become a network's, by the commit that made the network. */
  forget(id: string): void {
    this.#own.delete(id);
  }

  /** Gives the subnets back. Repeatable; what is no reservation of this node's stays. @throws unavailable: later */
  async release(id: string): Promise<void> {
    const own = this.#own.get(id);
    if (!own) return;
    const { directory, locks } = this.parts;
    await locks.run('addresses', 'subnets', () =>
      commitWithRetry(directory, own.scope, 'give a subnet back', async () => {
        const { used, check, reservations } = await this.#read(own.scope, [id]);
        // Of a network by now, or swept: then the subnets are not ours to give back.
        if (!reservations.has(id)) return { result: undefined, checks: [], writes: [] };
        return {
          result: undefined,
          checks: [check],
          writes: [
            { op: 'put', key: keys.subnets, value: JSON.stringify(used) },
            { op: 'delete', key: keys.reservation(id) },
          ],
        };
      }),
    );
    this.#own.delete(id);
  }

  /** Gives back what has been reserved for longer than `ageMs` and is not `wanted`. */
  async releaseOld(ageMs: number, wanted: (id: string) => boolean): Promise<void> {
    const now = this.parts.clock.monotonic();
    for (const [id, { since }] of [...this.#own]) {
      if (now - since > ageMs && !wanted(id)) await this.release(id);
    }
  }

  /** Whether an Engine of any node is still creating it. */
  async isPending(scope: Scope, id: string): Promise<boolean> {
    return (await this.parts.directory.reachable(scope).get(keys.reservation(id))) !== undefined;
  }

  /** The subnets of reservations whose node died: its lease took the key along, and nobody has them. */
  async sweep(scope: Scope): Promise<void> {
    const { directory, log } = this.parts;
    const store = directory.reachable(scope);
    const known = new Set(directory.networks().map(({ id }) => shortId(id)));
    const entry = await store.get(keys.subnets);
    const suspects = Object.keys(entry ? decodeOrThrow(subnetsSchema, entry) : {}).filter(
      (id) => !known.has(id),
    );
    if (!entry || suspects.length === 0) return;
    // After the document: what came since has changed it.
    const [networks, reservations] = await Promise.all([store.list(folders.networks), listed(store)]);
    const there = new Set(
      [...networks.map(({ key }) => key.slice(folders.networks.length)), ...reservations.keys()].map(shortId),
    );
    const lost = suspects.filter((id) => !there.has(id));
    if (lost.length === 0) return;
    const used = decodeOrThrow(subnetsSchema, entry);
    const kept = Object.fromEntries(Object.entries(used).filter(([id]) => !lost.includes(id)));
    const result = await directory.commit(
      scope,
      [{ key: keys.subnets, expect: 'version', version: entry.version }],
      [{ op: 'put', key: keys.subnets, value: JSON.stringify(kept) }],
    );
    const freed = lost.flatMap((id) => used[id] ?? []).join(', ');
    if (result.ok)
      log.info(`removed the reservation of ${freed}: the network that was being created never came`);
  }

  /** The document without `own`, and who is being created. */
  async #read(scope: Scope, own: readonly string[]) {
    const store = this.parts.directory.reachable(scope);
    const entry = await store.get(keys.subnets);
    // After the document: what is in it and not here has a name by now.
    const reservations = await listed(store);
    const without = new Set(own.map(shortId));
    const all = Object.entries(entry ? decodeOrThrow(subnetsSchema, entry) : {});
    return {
      used: Object.fromEntries(all.filter(([id]) => !without.has(id))),
      check: entry
        ? ({ key: keys.subnets, expect: 'version', version: entry.version } as const)
        : ({ key: keys.subnets, expect: 'absent' } as const),
      reservations,
    };
  }
}

/** Networks that Engines are just creating: an Engine says a network's name when it is done. */
export async function networksWithoutName(store: Store): Promise<readonly string[]> {
  return [...(await listed(store))].flatMap(([id, { of }]) => (of === 'network' ? id : []));
}

async function listed(store: Store): Promise<ReadonlyMap<string, Reservation>> {
  const entries = await store.list(folders.reservations);
  const decoded = entries.flatMap((entry) => {
    const reservation = decodeOrSkip(reservationSchema, entry);
    return reservation ? [[entry.key.slice(folders.reservations.length), reservation] as const] : [];
  });
  return new Map(decoded);
}
