import { keys } from '../../cluster/keys.ts';
import type { Network, Scope } from '../../cluster/records.ts';
import { parseSubnet } from '../../lib/addresses.ts';
import { FairleadError, isKind, messageOf } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { patiently } from '../../lib/patiently.ts';
import { planGivenPools } from '../addressing/pools.ts';
import type { NetworkContext } from '../context.ts';
import type { Before, Reservations } from '../networks/reservations.ts';
import type { NetworkAsked } from './plugin.ts';
import type { EnginePools } from './pools.ts';
import { driverOption } from './typed-network.ts';

/** How long a creation waits until those that other Engines have begun before have their names, in milliseconds. */
const namesMs = 3_000;
/** How long it waits until this Engine knows networks that are just there, in milliseconds. */
const knownMs = 6_000;
/** How long until the directory shows what the store has, in milliseconds. */
const seenMs = 300;
/** An Engine asks sooner than that when it has been told of a network, unless it is creating one of that name, in milliseconds. */
const silentMs = 2_000;
/** After that long an Engine that shows no network has given up creating it, in milliseconds. */
const givenUpMs = 30_000;
/** A subnet that was refused is in another network by then, in milliseconds. */
const refusedMs = 10_000;

export interface ArrivalsDeps {
  readonly parts: NetworkContext;
  /** What the Engine calls us. */
  readonly driver: string;
  readonly pools: EnginePools;
  readonly reservations: Reservations;
  /** Ours that this Engine does not know yet, though it could. */
  readonly untold: () => readonly Untold[];
  /** Has the Engine told of all that it does not know yet, and its own default pool kept off `avoided`. */
  readonly tell: () => void;
}

export interface Untold {
  readonly network: Network;
  /** How long the Engine has been told of it without a question to us, in milliseconds; 0: it has not been told. */
  readonly unansweredMs: number;
}

/** Networks that somebody is creating at this Engine: from its question to us until it has told of them. */
export class Arrivals {
  /** Pools whose network the Engine has finished asking about: a further address is an endpoint's. */
  readonly #asked = new Set<string>();
  /** Subnets that another host was faster with → when. */
  readonly #refused = new Map<string, number>();

  constructor(private readonly deps: ArrivalsDeps) {}

  isCreated(poolId: string): boolean {
    return this.#asked.has(poolId);
  }

  /** What this Engine would choose again, though no network that is known here has it yet. */
  avoided(): readonly string[] {
    const now = this.deps.parts.clock.monotonic();
    for (const [subnet, since] of this.#refused) if (now - since > refusedMs) this.#refused.delete(subnet);
    return [...this.#refused.keys()];
  }

  /**
   * A network is being created at this Engine, of whose name nothing is said yet: the event says it. Its subnets are
   * taken now; of two hosts' only one goes on.
   * @throws forbidden for the subnet | conflict for the name | unavailable
   */
  async expect({ engineNetworkId: id, subnets, options }: NetworkAsked): Promise<void> {
    const { pools, reservations } = this.deps;
    const drafts = pools.of(subnets);
    const scope = await this.#scopeOf(options);
    const own = drafts.map(([poolId]) => poolId);
    const ours = new Set(drafts.map(([, { subnet }]) => subnet));
    const others = subnets.filter((subnet) => !ours.has(parseSubnet(subnet).text));
    try {
      const before = await reservations.take({
        ...{ scope, id, of: 'network', replaces: scope === 'global' ? own : [] },
        plan: (taken) => {
          planGivenPools(
            others.map((subnet) => ({ subnet })),
            taken,
          );
          return subnets.map((subnet) => parseSubnet(subnet).text);
        },
      });
      await this.#leaveNamesToOthers(scope, before);
    } catch (error) {
      await this.gone(id);
      throw isKind(error, 'forbidden') ? this.#refusal(subnets, error) : error;
    }
    for (const poolId of own) this.#asked.add(poolId);
  }

  /** It is one of ours now. */
  async adopted(id: string, subnets: readonly string[]): Promise<void> {
    const { pools, reservations } = this.deps;
    reservations.forget(id);
    for (const [poolId] of pools.of(subnets)) {
      await pools.assign(poolId, id);
      this.#asked.delete(poolId);
    }
  }

  /** The Engine has removed it, or never made it. */
  async gone(id: string): Promise<void> {
    await unlessAway(this.deps.reservations.release(id));
  }

  /** `there`: the ids of the Engine's networks. */
  async sweep(there: ReadonlySet<string>): Promise<void> {
    await unlessAway(this.deps.reservations.releaseOld(givenUpMs, (id) => there.has(id)));
  }

  #refusal(subnets: readonly string[], error: unknown): Error {
    const now = this.deps.parts.clock.monotonic();
    for (const subnet of subnets) this.#refused.set(parseSubnet(subnet).text, now);
    this.deps.tell();
    const advice = `create it again, with --ipam-driver ${this.deps.driver}, or with a --subnet that is free on every host`;
    return new FairleadError('forbidden', `${messageOf(error)}: ${advice}`, { cause: error });
  }

  async #scopeOf(options: NetworkAsked['options']): Promise<Scope> {
    const { scope } = this.deps.parts.driverNamed(options[driverOption] ?? 'overlay');
    return typeof scope === 'string' ? scope : await scope();
  }

  /**
   * The Engine does not say a network's name before it has made it, but it makes one of a name at a time (from Engine
   * 25 on): one that asks us nothing about a network of another host, which it is told of just now, is creating the
   * same name.
   */
  async #leaveNamesToOthers(scope: Scope, { unnamed, unseen }: Before): Promise<void> {
    const { parts, reservations, untold, tell } = this.deps;
    const { directory } = parts;
    await patiently(namesMs, async () => {
      const pending = await Promise.all(unnamed.map((id) => reservations.isPending(scope, id)));
      return !pending.includes(true);
    });
    const made = await Promise.all(unnamed.map((id) => directory.reachable(scope).get(keys.network(id))));
    const awaited = [...unnamed.filter((_, i) => made[i]).map(shortId), ...unseen];
    await patiently(seenMs, async () => {
      const seen = new Set(directory.networks().map(({ id }) => shortId(id)));
      return awaited.every((id) => seen.has(id));
    });
    if (untold().length === 0) return;
    tell();
    const silent = () => untold().find(({ unansweredMs }) => unansweredMs > silentMs);
    await patiently(knownMs, async () => untold().length === 0 || silent() !== undefined);
    const same = silent();
    if (!same) return;
    throw new FairleadError(
      'conflict',
      `network ${same.network.name} was created on another host at the same moment: it is there under that name; ` +
        'if yours is called otherwise, create it again',
    );
  }
}

/** What the store cannot take now, a later look does. */
async function unlessAway(step: Promise<void>): Promise<void> {
  await step.catch((error: unknown) => {
    if (!isKind(error, 'unavailable')) throw error;
  });
}
