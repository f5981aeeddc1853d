import type { Network } from '../../cluster/records.ts';
import type { EngineNetwork } from '../../container/host-engine.ts';
import { overlaps, parseSubnet } from '../../lib/addresses.ts';
import { FairleadError, isKind, messageOf } from '../../lib/errors.ts';
import { apart } from '../../lib/locks.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { defaultPools } from '../addressing/pools.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { NativeNetworks } from '../networks/native-networks.ts';
import type { Networks } from '../networks/networks.ts';
import { ourNetworks } from '../networks/predefined.ts';
import type { Reservations } from '../networks/reservations.ts';
import { AdoptionWaiters } from '../plugin/adoption-waiters.ts';
import { Arrivals, type Untold } from '../plugin/arrivals.ts';
import type { NetworkAsked } from '../plugin/plugin.ts';
import { type EnginePools, networkOption } from '../plugin/pools.ts';
import { typedSpec } from '../plugin/typed-network.ts';
import type { Announcer } from './engine-mode-networks.ts';
import type { SwarmLeave } from './swarm-leave.ts';

/** An Engine that takes longer to say what networks it has is waiting for something: for us, maybe. In milliseconds. */
const toldMs = 1_000;
/** After that long an Engine that still shows a network did not remove it after all, in milliseconds. */
const goneMs = 10_000;

export interface EngineNetworksDeps {
  readonly parts: NetworkContext;
  readonly engine: EngineSide;
  readonly networks: Networks;
  readonly own: NativeNetworks;
  readonly pools: EnginePools;
  readonly reservations: Reservations;
  readonly swarmLeave: SwarmLeave;
}

/**
 * Makes our networks and the Engine's the same: each of ours is made known there under its name, each that is created
 * there with our driver becomes one of ours, and what is removed on either side is removed on the other. Every pass
 * looks at all of both, so that nothing that was missed stays wrong.
 */
export class EngineNetworks implements Announcer {
  readonly #arrivals: Arrivals;
  /** Ours that the Engine is being told of → since when; out of it once the Engine asks us about them. */
  readonly #telling = new Map<string, number>();
  readonly #heard = new Set<string>();
  /** Networks that the Engine has just removed, by its ids → when: a look of before shows them still. */
  readonly #deleted = new Map<string, number>();
  /** Engine's id → ours, of networks that a look missed: Engine 20.10 lists one no longer before it asks us to delete it. */
  readonly #missed = new Map<string, string>();
  /** Ours that are being removed because the Engine's was. */
  readonly #leaving = new Set<string>();
  /** What is wrong and has been said. */
  readonly #said = new Map<string, string>();
  readonly #waiters = new AdoptionWaiters();
  #pass: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #unsubscribe: () => void = () => {};

  constructor(private readonly deps: EngineNetworksDeps) {
    this.#arrivals = new Arrivals({
      ...deps,
      driver: deps.engine.driver,
      untold: () => this.#untold(),
      tell: () => void this.sync(),
    });
  }

  /** Before anything else: a name may be one of the Engine's own. What it does not say at once the first pass finds. */
  async load(): Promise<void> {
    const { engine, own, parts } = this.deps;
    if (!engine.host.status().reachable) return;
    const told = engine.host.networks().then((found) => own.set(found));
    await withTimeout(
      told.catch((error: unknown) => parts.log.warn({ err: error }, messageOf(error))),
      toldMs,
    );
  }

  /** From now on both are kept the same. */
  start(): void {
    const { parts, engine } = this.deps;
    this.#unsubscribe = parts.directory.subscribe(() => apart(() => this.#directoryChanged()));
    engine.host.onChange((change) => {
      const ofNetwork = change.kind === 'event' && change.type === 'network';
      const concerns = ofNetwork && ['create', 'destroy', 'remove'].includes(change.action);
      if (change.kind === 'reached' || concerns) void this.sync();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    await this.#pass;
  }

  /** Services and endpoints change all the time: only networks that have come or gone are of interest. */
  #directoryChanged(): void {
    const { engine } = this.deps;
    const known = new Set(engine.links.networks().values());
    const wanted = this.#wanted();
    const same = wanted.length === known.size && wanted.every(({ id }) => known.has(id));
    if (!same) void this.sync();
  }

  /** One pass; of calls during a pass the next sees the last. Never rejects. */
  sync(): Promise<void> {
    this.#again = true;
    this.#pass ??= this.#passes().finally(() => {
      this.#pass = undefined;
    });
    return this.#pass;
  }

  async #passes(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#match();
      } catch (error) {
        // Of an Engine that is away is spoken where it is followed.
        if (!isKind(error, 'unavailable'))
          this.deps.parts.log.error({ err: error }, `networks of the Engine: ${messageOf(error)}`);
      }
    }
  }

  async #match(): Promise<void> {
    const { parts, engine, own } = this.deps;
    await this.#reservePools();
    if (!engine.host.status().reachable) return;
    // A link that is made during the look is of a network that the look may not show.
    const linked = [...engine.links.networks()];
    const found = await engine.host.networks();
    own.set(found);
    this.deps.swarmLeave.looked(found);
    this.#tellSubnets();
    const there = new Map(found.map((network) => [network.id, network]));
    await this.#arrivals.sweep(new Set(there.keys()));
    for (const engineId of this.#deleted.keys()) if (!there.has(engineId)) this.#deleted.delete(engineId);
    for (const [engineId, id] of linked) {
      if (there.has(engineId)) continue;
      this.#missed.set(engineId, id);
      await engine.links.unlinkNetwork(engineId);
    }
    for (const network of found.filter(({ driver }) => driver === engine.driver)) {
      await this.#attempt(network.id, () => this.#matchTheirs(network));
    }
    if (!parts.directory.complete()) return;
    for (const network of this.#wanted()) {
      await this.#attempt(network.id, () => this.#makeKnown(network));
    }
  }

  /** An Engine that chooses a pool by itself, on whichever host, is to leave ours alone. */
  async #reservePools(): Promise<void> {
    const { directory, dataplane } = this.deps.parts;
    if (!directory.complete()) return;
    const pools = this.#wanted().flatMap(({ ipam }) => ipam.pools.map(({ subnet }) => parseSubnet(subnet)));
    const theirs = defaultPools.local.map(({ base }) => parseSubnet(base));
    pools.push(...this.#arrivals.avoided().map(parseSubnet));
    const inTheirs = pools.filter((pool) => theirs.some((base) => overlaps(base, pool)));
    await dataplane.reserveSubnets(inTheirs.map(({ text }) => text));
  }

  /** Other nodes choose their networks' pools by it. */
  #tellSubnets(): void {
    const { own, parts } = this.deps;
    const engineSubnets = own.subnets();
    if (JSON.stringify(engineSubnets) === JSON.stringify(parts.nodeLease.self.engineSubnets)) return;
    void parts.nodeLease.amend({ engineSubnets: [...engineSubnets] });
  }

  /** One of the Engine's networks with our driver. */
  async #matchTheirs(theirs: EngineNetwork): Promise<void> {
    const { parts, engine } = this.deps;
    if (this.#wasDeleted(theirs.id)) return;
    const id = engine.links.networkOf(theirs.id) ?? theirs.options[networkOption];
    if (id === undefined) return await this.#adopt(theirs);
    if (parts.directory.network(id)) {
      if (!engine.links.networkOf(theirs.id)) await engine.links.linkNetwork(theirs.id, id);
      return;
    }
    if (!parts.directory.complete()) return;
    await engine.host.removeNetwork(theirs.id);
    await engine.links.unlinkNetwork(theirs.id);
    parts.log.info(`network ${theirs.name} is removed from the Docker Engine: it is in the store no longer`);
  }

  /** A network that was created at this Engine becomes everybody's; if it cannot, it goes. */
  async #adopt(theirs: EngineNetwork): Promise<void> {
    const { parts, engine, networks, pools } = this.deps;
    if (!parts.directory.complete()) return;
    try {
      if (!parts.directory.network(theirs.id))
        await networks.adopt(typedSpec(theirs, engine.driver, pools), theirs.id);
      await engine.links.linkNetwork(theirs.id, theirs.id);
      await this.#arrivals.adopted(
        theirs.id,
        theirs.pools.map(({ subnet }) => subnet),
      );
      if (this.#wasDeleted(theirs.id)) return await this.deletedThere(theirs.id);
      parts.log.info(`network ${theirs.name} was created at the Docker Engine`);
    } catch (error) {
      if (isKind(error, 'unavailable')) throw error;
      parts.log.error(
        { err: error },
        `network ${theirs.name} is removed from the Docker Engine: ${messageOf(error)}`,
      );
      await engine.host.removeNetwork(theirs.id);
    } finally {
      this.#waiters.wake();
    }
  }

  /** Ours that containers can be on; a plugin's network would be the plugin's to make known. */
  #wanted(): readonly Network[] {
    const { parts } = this.deps;
    return ourNetworks(parts).filter(({ id, configOnly, removing, driver }) => {
      return !this.#leaving.has(id) && !configOnly && !removing && ['bridge', 'overlay'].includes(driver);
    });
  }

  async #makeKnown(network: Network): Promise<void> {
    const { parts, engine, own } = this.deps;
    if (engine.links.engineNetworkOf(network.id) !== undefined) return;
    const { id, name, internal, ipv6, ipam, labels } = network;
    const conflicting = own.conflictingWith(network);
    if (conflicting) {
      throw new FairleadError(
        'conflict',
        `network ${name} is not made known to the Docker Engine of this host: ` +
          `${ipam.pools.map(({ subnet }) => subnet).join(', ')} overlaps with its own network ${conflicting.name}; ` +
          `create it with --ipam-driver ${engine.driver}, or with a --subnet that is free on every host`,
      );
    }
    const mark = { [networkOption]: id };
    this.#telling.set(id, parts.clock.monotonic());
    try {
      const engineId = await engine.host.createNetwork({
        ...{ name, driver: engine.driver, internal, attachable: false, ipv6, labels },
        ipam: { driver: engine.driver, options: mark, pools: ipam.pools },
        options: mark,
      });
      await engine.links.linkNetwork(engineId, id);
    } finally {
      this.#telling.delete(id);
      this.#heard.delete(id);
    }
  }

  async announce(network: Network): Promise<void> {
    const { host, links } = this.deps.engine;
    if (!host.status().reachable) return;
    // A pass may be at it already: its failure is this one's.
    await this.sync();
    if (links.engineNetworkOf(network.id) !== undefined || !host.status().reachable) return;
    if (this.#wanted().some(({ id }) => id === network.id)) await this.#makeKnown(network);
  }

  async withdraw(): Promise<void> {
    await this.sync();
  }

  async removeOwn(network: Network): Promise<void> {
    await this.deps.engine.host.removeNetwork(network.id);
    await this.sync();
  }

  /** Ours that the Engine means. Waits a while for one that was created there just now. @throws not-found */
  async ours(engineNetworkId: string): Promise<Network> {
    const { parts, engine } = this.deps;
    return await this.#waiters.wait(`network ${engineNetworkId.slice(0, 12)}`, () => {
      const id = engine.links.networkOf(engineNetworkId);
      return id === undefined ? undefined : parts.directory.network(id);
    });
  }

  async adoptedPool(poolId: string): Promise<Network> {
    return await this.#waiters.wait('the network of this pool', () => this.deps.pools.networkOf(poolId));
  }

  isCreated(poolId: string): boolean {
    return this.#arrivals.isCreated(poolId);
  }

  expectTyped(asked: NetworkAsked): Promise<void> {
    return this.#arrivals.expect(asked);
  }

  heard(networkId: string): void {
    this.#telling.delete(networkId);
    this.#heard.add(networkId);
  }

  #untold(): readonly Untold[] {
    const { parts, engine } = this.deps;
    const { links } = engine;
    const untold = this.#wanted().filter(
      ({ id }) => links.engineNetworkOf(id) === undefined && !this.#said.has(id) && !this.#heard.has(id),
    );
    return untold.map((network) => {
      const since = this.#telling.get(network.id);
      return { network, unansweredMs: since === undefined ? 0 : parts.clock.monotonic() - since };
    });
  }

  /** The Engine has removed it. If a person did so, it goes everywhere, or is made known again where it cannot. */
  async deletedThere(engineNetworkId: string): Promise<void> {
    const { parts, engine, networks } = this.deps;
    this.#deleted.set(engineNetworkId, parts.clock.monotonic());
    await this.#arrivals.gone(engineNetworkId);
    const id = engine.links.networkOf(engineNetworkId) ?? this.#missed.get(engineNetworkId);
    this.#missed.delete(engineNetworkId);
    if (id === undefined) return;
    this.#leaving.add(id);
    await engine.links.unlinkNetwork(engineNetworkId);
    const network = parts.directory.network(id);
    if (!network || network.removing) {
      this.#leaving.delete(id);
      return;
    }
    // Not waited for: it asks the Engine, which waits for this answer.
    const removed = networks.remove(id).catch((error: unknown) => {
      if (isKind(error, 'not-found')) return;
      parts.log.warn(
        { err: error },
        `network ${network.name} was removed at the Docker Engine and is put back: ${messageOf(error)}`,
      );
    });
    void removed.finally(() => {
      this.#leaving.delete(id);
      void this.sync();
    });
  }

  #wasDeleted(engineNetworkId: string): boolean {
    const since = this.#deleted.get(engineNetworkId);
    return since !== undefined && this.deps.parts.clock.monotonic() - since < goneMs;
  }

  /** What cannot be done is said once, until it can. */
  async #attempt(id: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
      this.#said.delete(id);
    } catch (error) {
      if (isKind(error, 'unavailable')) throw error;
      const message = messageOf(error);
      if (this.#said.get(id) !== message) this.deps.parts.log.warn(`network ${id.slice(0, 12)}: ${message}`);
      this.#said.set(id, message);
    }
  }
}
