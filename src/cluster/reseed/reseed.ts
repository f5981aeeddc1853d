import * as z from 'zod';
import type { Store } from '../../../kvstore/store.ts';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { decodeOrSkip } from '../decode.ts';
import { keys } from '../keys.ts';
import type { Network, Service } from '../records.ts';
import { ensureSchema } from '../schema.ts';
import type { OpaqueRecord } from './opaque-mirror.ts';
import { type Lost, putBackNetwork, putBackService, putWrite } from './put-back.ts';

const retryMs = 500;
const maxTries = 20;

/** What a node knows of a store. */
export interface Known {
  readonly networks: readonly Network[];
  readonly services: readonly Service[];
  readonly apps: readonly OpaqueRecord[];
}

/**
 * Puts back what a KV store has lost: one whose identity is no longer what it was when we came was wiped. Every
 * node knows all networks, services and apps and writes them if absent, so it does not matter who is first.
 * Endpoints are put back by the nodes that have them (network/reconcile/reconcile.ts).
 */
export class Reseed {
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
    for (const network of networks) lost.push(...(await putBackNetwork(this.store, network, this.log)));
    const gone = new Set(lost.map(({ key }) => key));
    for (const service of services) {
      const isOnLost = gone.has(keys.network(service.networkId));
      const own = keys.service(service.networkId, service.name);
      lost.push(...(isOnLost ? [{ key: own }] : await putBackService(this.store, service, this.log)));
    }
    for (const app of apps) await this.#putApp(app);
    return lost;
  }

  /** Where there is one it is the same, put by another node, or a new one, which was made later than ours. */
  async #putApp({ key, record }: OpaqueRecord): Promise<void> {
    const result = await this.store.commit([{ key, expect: 'absent' }], [putWrite(key, record)]);
    if (result.ok) return;
    const there = await this.store.get(key);
    const other = there && decodeOrSkip(madeSchema, there);
    if (other && other.created !== record.created)
      this.log.error(`${key} is lost with the store: one that was made later has its name`);
  }
}

const madeSchema = z.object({ created: z.string().optional() });
