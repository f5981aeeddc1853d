import * as z from 'zod';
import type { Store } from '../../../kvstore/store.ts';
import { decodeOrSkip } from '../../cluster/decode.ts';
import { folders, keys } from '../../cluster/keys.ts';
import { dnsPolicies } from '../../cluster/records.ts';
import type { Naming } from '../model.ts';

const namingSchema = z.object({
  aliases: z.array(z.string()),
  dnsPolicy: z.enum(dnsPolicies).exactOptional(),
});

/**
 * Aliases that are not the Engine's to know, which could change none without taking the container off its network:
 * those of an app's processes. Kept in the embedded store, so that a restart of the daemon leaves nobody without.
 */
export class AliasOverrides {
  readonly #known = new Map<string, Naming>();

  constructor(private readonly store: Store) {}

  /** `isThere`: whether the Engine still has the container. */
  async load(isThere: (containerId: string) => boolean): Promise<void> {
    for (const entry of await this.store.list(folders.engineNamings)) {
      const id = entry.key.slice(folders.engineNamings.length);
      const naming = decodeOrSkip(namingSchema, entry);
      if (naming && isThere(id)) this.#known.set(id, naming);
      else await this.#delete(id);
    }
  }

  of(containerId: string): Naming {
    return this.#known.get(containerId) ?? { aliases: [] };
  }

  async set(containerId: string, naming: Naming): Promise<void> {
    this.#known.set(containerId, naming);
    const put = { op: 'put', key: keys.engineNaming(containerId), value: JSON.stringify(naming) } as const;
    await this.store.commit([], [put]);
  }

  /** Repeatable. */
  async drop(containerId: string): Promise<void> {
    if (this.#known.delete(containerId)) await this.#delete(containerId);
  }

  async #delete(containerId: string): Promise<void> {
    await this.store.commit([], [{ op: 'delete', key: keys.engineNaming(containerId) }]);
  }
}
