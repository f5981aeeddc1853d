import type { Entry } from '../../kvstore/store.ts';
import { decodeOrSkip } from '../cluster/decode.ts';
import { addressSchema } from '../cluster/records.ts';

/** How long the addresses of a dead node stay reserved, in milliseconds: it may come back for them. */
const holdMs = 5 * 60_000;

export interface Holders {
  readonly nodes: ReadonlySet<string>;
  readonly endpoints: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
}

/**
 * Finds addresses that nobody holds any more: their endpoint is in no record and their node has been gone
 * for five minutes, by this node's own clock since it first saw them so.
 */
export class DeadAddresses {
  readonly #since = new Map<string, number>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Of one network's addresses, those to free now. `folder` tells which of the remembered ones are spoken of. */
  expired(folder: string, entries: readonly Entry[], holders: Holders): readonly Entry[] {
    const ownerless = entries.filter((entry) => !isHeld(entry, holders));
    const keys = new Set(ownerless.map(({ key }) => key));
    for (const key of this.#since.keys()) {
      if (key.startsWith(folder) && !keys.has(key)) this.#since.delete(key);
    }
    for (const key of keys) if (!this.#since.has(key)) this.#since.set(key, this.now());
    return ownerless.filter(({ key }) => this.now() - (this.#since.get(key) ?? this.now()) >= holdMs);
  }
}

/** A living node's address is its own to free: it may be in the middle of an attach. */
function isHeld(entry: Entry, { nodes, endpoints, services }: Holders): boolean {
  const record = decodeOrSkip(addressSchema, entry);
  if (!record) return true;
  if (record.owner === 'service') return services.has(record.id);
  return endpoints.has(record.id) || (record.nodeId !== undefined && nodes.has(record.nodeId));
}
