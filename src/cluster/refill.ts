import * as z from 'zod';
import type { Check, Store, Write } from '../../kvstore/store.ts';
import { overlaps, parseSubnet, withoutPrefix } from '../lib/addresses.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';
import { shortId } from '../lib/ids.ts';
import type { Logger } from '../lib/log.ts';
import { decodeOrSkip, decodeOrThrow } from './decode.ts';
import type { Kept } from './kept-records.ts';
import { keys } from './keys.ts';
import { type Network, type Service, type Subnets, subnetsSchema } from './records.ts';
import { ensureSchema } from './schema.ts';

const retryMs = 500;
const maxTries = 20;

/** What a node knows of a store. */
export interface Known {
  readonly networks: readonly Network[];
  readonly services: readonly Service[];
  readonly apps: readonly Kept[];
}

/** Records of a network or service whose place in the store another one has taken. */
export interface Lost {
  readonly key: string;
}

/**
 * Puts back what a KV store has lost: one whose identity is no longer what it was when we came was wiped. Every
 * node knows all networks, services and apps and writes them if absent, so it does not matter who is first.
 * Endpoints are put back by the nodes that have them (network/reconcile.ts).
 */
export class Refill {
  #identity: string | undefined;
  #running: Promise<readonly Lost[]> | undefined;

  constructor(
    private readonly store: Store,
    private readonly log: Logger,
  ) {}

  /** Whether the store lost its data. @throws unavailable */
  async needed(): Promise<boolean> {
    if (this.#running) return true;
    if (this.#identity === undefined) return false;
    return (await this.store.get(keys.identity))?.value !== this.#identity;
  }

  /** Marks a new store, and remembers its identity. @throws invalid | unavailable */
  async enter(): Promise<void> {
    this.#identity = await ensureSchema(this.store);
  }

  /** @returns what could not be put back. @throws unavailable when the store stays away */
  run(known: Known): Promise<readonly Lost[]> {
    this.#running ??= this.#run(known).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(known: Known): Promise<readonly Lost[]> {
    const { name } = this.store.status();
    for (let tried = 1; ; tried += 1) {
      try {
        if ((await this.store.get(keys.identity))?.value === this.#identity) return [];
        const { networks, services, apps } = known;
        const counts = `${networks.length} networks, ${services.length} services and ${apps.length} apps`;
        this.log.warn(`kv store ${name} has lost its data; putting back ${counts}`);
        const lost = await this.#putAll(known);
        this.#identity = await ensureSchema(this.store, JSON.parse(this.#identity ?? '""'));
        return lost;
      } catch (error) {
        this.log.debug(`putting back what ${name} has lost: ${messageOf(error)}`);
        if (tried === maxTries || (error instanceof FairleadError && error.kind === 'invalid')) throw error;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  async #putAll({ networks, services, apps }: Known): Promise<readonly Lost[]> {
    const lost: Lost[] = [];
    for (const network of networks) lost.push(...(await this.#putNetwork(network)));
    const gone = new Set(lost.map(({ key }) => key));
    for (const service of services) {
      const isOnLost = gone.has(keys.network(service.networkId));
      const own = keys.service(service.networkId, service.name);
      lost.push(...(isOnLost ? [{ key: own }] : await this.#putService(service)));
    }
    for (const app of apps) await this.#putApp(app);
    return lost;
  }

  async #putNetwork({ removing: _, ...network }: Network): Promise<readonly Lost[]> {
    const subnets = await this.store.get(keys.subnets);
    const used: Subnets = subnets ? decodeOrThrow(subnetsSchema, subnets) : {};
    const pools = network.ipam.pools.map(({ subnet }) => subnet);
    const [own, name] = [keys.network(network.id), keys.networkName(network.name)];
    const vnis = network.vni === undefined ? [] : [put(keys.vni(network.vni), network.id)];
    const taking = [put(own, network), put(name, network.id), ...vnis];
    const subnetsCheck: Check = subnets
      ? { key: keys.subnets, expect: 'version', version: subnets.version }
      : { key: keys.subnets, expect: 'absent' };
    const result = await this.store.commit(
      [...taking.map(ifAbsent), subnetsCheck],
      [...taking, put(keys.subnets, { ...used, [shortId(network.id)]: pools })],
    );
    if (result.ok) return this.#sayOverlaps(network, pools, used);
    // Another node was faster with the document of subnets: once more.
    if (result.failed === keys.subnets) return await this.#putNetwork(network);
    // With its record, or with one of a new network in its place.
    if (await this.store.get(own)) return [];
    this.log.error(`network ${network.name} is lost with the store: ${result.failed} is another's by now`);
    return [{ key: own }];
  }

  /** A network that was made on the empty store, where nobody knew ours. Both have containers: people decide. */
  #sayOverlaps({ id, name }: Network, pools: readonly string[], used: Subnets): readonly Lost[] {
    const others = Object.entries(used).flatMap(([other, subnets]) => (other === shortId(id) ? [] : subnets));
    const hit = others.find((other) => pools.some((pool) => overlaps(parseSubnet(pool), parseSubnet(other))));
    if (hit) this.log.error(`network ${name} is put back, but ${hit} was given to another meanwhile`);
    return [];
  }

  async #putService(service: Service): Promise<readonly Lost[]> {
    const owner = { owner: 'service', id: service.id };
    const addresses = [service.ipv4, service.ipv6].flatMap((cidr) =>
      cidr === undefined ? [] : [put(keys.address(service.networkId, withoutPrefix(cidr)), owner)],
    );
    const own = keys.service(service.networkId, service.name);
    const taking = [put(own, service), ...addresses];
    const result = await this.store.commit(taking.map(ifAbsent), taking);
    if (result.ok || (await this.store.get(own))) return [];
    this.log.error(`service ${service.name} is lost with the store: ${result.failed} is another's by now`);
    return [{ key: own }];
  }

  /** Where there is one it is the same, put by another node, or a new one, which was made later than ours. */
  async #putApp({ key, record }: Kept): Promise<void> {
    const result = await this.store.commit([{ key, expect: 'absent' }], [put(key, record)]);
    if (result.ok) return;
    const there = await this.store.get(key);
    const other = there && decodeOrSkip(madeSchema, there);
    if (other && other.created !== record.created)
      this.log.error(`${key} is lost with the store: one that was made later has its name`);
  }
}

const madeSchema = z.object({ created: z.string().optional() });

function put(key: string, value: unknown): Write & { readonly op: 'put' } {
  return { op: 'put', key, value: JSON.stringify(value) };
}

function ifAbsent({ key }: Write): Check {
  return { key, expect: 'absent' };
}
