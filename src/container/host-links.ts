import * as z from 'zod';
import type { Entry, Store, Write } from '../../kvstore/store.ts';
import { folders, keys } from '../cluster/keys.ts';
import { parseJson } from '../lib/json.ts';
import type { Logger } from '../lib/log.ts';
import { type EndpointLink, linkSchema, type ServiceWish, serviceWishSchema } from './host-engine.ts';

/**
 * Which of the Engine's networks and endpoints are which of ours. It speaks of its ids, the directory of ours. In memory for
 * reading, in the embedded store for the next daemon, so that a restart of either side forgets nothing; memory follows the store.
 */
export class EngineLinks {
  readonly #networks = new Map<string, string>();
  readonly #endpoints = new Map<string, EndpointLink>();
  readonly #serviceWishes = new Map<string, ServiceWish>();
  #generation = 0;

  private constructor(private readonly store: Store) {}

  static async open(store: Store, log: Logger): Promise<EngineLinks> {
    const links = new EngineLinks(store);
    const readInto = async <T>(map: Map<string, T>, folder: string, schema: z.ZodType<T>) => {
      for (const { key, value } of await store.list(folder)) {
        const parsed = schema.safeParse(parseJson(value));
        if (parsed.success) map.set(decodeURIComponent(key.slice(folder.length)), parsed.data);
        else log.error({ key, err: parsed.error }, `record ${key} is left alone, it cannot be read`);
      }
    };
    await readInto(links.#networks, folders.engineNetworks, z.string());
    await readInto(links.#endpoints, folders.engineEndpoints, linkSchema);
    await readInto(links.#serviceWishes, folders.engineServiceWishes, serviceWishSchema);
    return links;
  }

  /** Counts changes. */
  get generation(): number {
    return this.#generation;
  }

  /** Our network that the Engine's is; undefined for those that are its own. */
  networkOf(engineNetworkId: string): string | undefined {
    return this.#networks.get(engineNetworkId);
  }

  /** The Engine's network that ours is known there as. */
  engineNetworkOf(networkId: string): string | undefined {
    return [...this.#networks].find(([, ours]) => ours === networkId)?.[0];
  }

  networks(): ReadonlyMap<string, string> {
    return this.#networks;
  }

  async linkNetwork(engineNetworkId: string, networkId: string): Promise<void> {
    await this.#put(keys.engineNetwork(engineNetworkId), networkId);
    this.#networks.set(engineNetworkId, networkId);
    this.#generation += 1;
  }

  async unlinkNetwork(engineNetworkId: string): Promise<void> {
    if (!this.#networks.delete(engineNetworkId)) return;
    this.#generation += 1;
    await this.#delete(keys.engineNetwork(engineNetworkId));
  }

  endpoint(engineEndpointId: string): EndpointLink | undefined {
    return this.#endpoints.get(engineEndpointId);
  }

  endpoints(): ReadonlyMap<string, EndpointLink> {
    return this.#endpoints;
  }

  async putEndpoint(engineEndpointId: string, link: EndpointLink): Promise<void> {
    await this.#put(keys.engineEndpoint(engineEndpointId), link);
    this.#endpoints.set(engineEndpointId, link);
    this.#generation += 1;
  }

  async dropEndpoint(engineEndpointId: string): Promise<void> {
    if (!this.#endpoints.delete(engineEndpointId)) return;
    this.#generation += 1;
    await this.#delete(keys.engineEndpoint(engineEndpointId));
  }

  /** The services that the container is to back, whether it runs or not. */
  serviceWishes(): readonly ServiceWish[] {
    return [...this.#serviceWishes.values()];
  }

  async putServiceWish(wish: ServiceWish): Promise<void> {
    await this.#put(keys.engineServiceWish(nameOf(wish)), wish);
    this.#serviceWishes.set(nameOf(wish), wish);
    this.#generation += 1;
  }

  async dropServiceWish(wish: ServiceWish): Promise<void> {
    if (!this.#serviceWishes.delete(nameOf(wish))) return;
    this.#generation += 1;
    await this.#delete(keys.engineServiceWish(nameOf(wish)));
  }

  async #put(key: string, value: unknown): Promise<void> {
    await this.#commit({ op: 'put', key, value: JSON.stringify(value) });
  }

  async #delete(key: Entry['key']): Promise<void> {
    await this.#commit({ op: 'delete', key });
  }

  async #commit(write: Write): Promise<void> {
    await this.store.commit([], [write]);
  }
}

function nameOf({ containerId, serviceId }: ServiceWish): string {
  return `${containerId}.${serviceId}`;
}
