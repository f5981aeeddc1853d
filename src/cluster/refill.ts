import type { Check, Store, Write } from '../../kvstore/store.ts';
import { withoutPrefix } from '../lib/addresses.ts';
import { messageOf } from '../lib/errors.ts';
import { shortId } from '../lib/ids.ts';
import type { Logger } from '../lib/log.ts';
import { keys } from './keys.ts';
import { type Network, type Service, type Subnets, subnetsSchema } from './records.ts';
import { ensureSchema } from './schema.ts';

const retryMs = 500;
const maxTries = 20;

/**
 * Puts back what a KV store has lost: one whose identity is no longer what it was when we came was wiped. Every
 * node knows all networks and services and writes them if absent, so it does not matter who is first.
 * Endpoints are put back by the nodes that have them (network/reconcile.ts).
 */
export class Refill {
  #identity: string | undefined;
  #running: Promise<void> | undefined;

  constructor(
    private readonly store: Store,
    private readonly log: Logger,
  ) {}

  /** Whether the store lost its data. When it cannot be asked, a later snapshot will tell. */
  async needed(): Promise<boolean> {
    if (this.#running) return true;
    if (this.#identity === undefined) return false;
    try {
      return (await this.store.get(keys.identity))?.value !== this.#identity;
    } catch {
      return true;
    }
  }

  /** Marks a new store, and remembers its identity. @throws invalid | unavailable */
  async enter(): Promise<void> {
    this.#identity = await ensureSchema(this.store);
  }

  run(networks: readonly Network[], services: readonly Service[]): Promise<void> {
    this.#running ??= this.#run(networks, services).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(networks: readonly Network[], services: readonly Service[]): Promise<void> {
    const { name } = this.store.status();
    const counts = `${networks.length} networks and ${services.length} services`;
    for (let tried = 1; tried <= maxTries; tried += 1) {
      try {
        if ((await this.store.get(keys.identity))?.value === this.#identity) return;
        this.log.warn(`kv store ${name} has lost its data; putting back ${counts}`);
        for (const network of networks) await this.#putNetwork(network);
        for (const service of services) await this.#putService(service);
        this.#identity = await ensureSchema(this.store, JSON.parse(this.#identity ?? '""'));
        return;
      } catch (error) {
        this.log.debug(`putting back what ${name} has lost: ${messageOf(error)}`);
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  async #putNetwork({ removing: _, ...network }: Network): Promise<void> {
    const subnets = await this.store.get(keys.subnets);
    const used: Subnets = subnets ? subnetsSchema.parse(JSON.parse(subnets.value)) : {};
    const pools = network.ipam.pools.map(({ subnet }) => subnet);
    const result = await this.store.commit(
      [
        { key: keys.network(network.id), expect: 'absent' },
        subnets
          ? { key: keys.subnets, expect: 'version', version: subnets.version }
          : { key: keys.subnets, expect: 'absent' },
      ],
      [
        put(keys.network(network.id), network),
        put(keys.networkName(network.name), network.id),
        put(keys.subnets, { ...used, [shortId(network.id)]: pools }),
        ...(network.vni === undefined ? [] : [put(keys.vni(network.vni), network.id)]),
      ],
    );
    // Another node was faster with the document of subnets: once more, unless it was with this network.
    if (!result.ok && result.failed === keys.subnets) await this.#putNetwork(network);
  }

  async #putService(service: Service): Promise<void> {
    const owner = { owner: 'service', id: service.id };
    const addresses = [service.ipv4, service.ipv6].flatMap((cidr) =>
      cidr === undefined ? [] : [put(keys.address(service.networkId, withoutPrefix(cidr)), owner)],
    );
    const writes = [put(keys.service(service.networkId, service.name), service), ...addresses];
    const checks = writes.map(({ key }): Check => ({ key, expect: 'absent' }));
    await this.store.commit(checks, writes);
  }
}

function put(key: string, value: unknown): Write & { readonly op: 'put' } {
  return { op: 'put', key, value: JSON.stringify(value) };
}
