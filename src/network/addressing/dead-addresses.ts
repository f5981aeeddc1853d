import type { Entry } from '../../../kvstore/store.ts';
import { decodeOrSkip } from '../../cluster/decode.ts';
import { type AddressRecord, addressSchema } from '../../cluster/records.ts';

/** How long the addresses of a dead node stay reserved, in milliseconds: it may come back for them. */
const holdMs = 5 * 60_000;

/** An address that is taken. */
export interface Claim {
  readonly entry: Entry;
  /** Undefined where the record cannot be read. */
  readonly holder: AddressRecord | undefined;
}

export function claimOf(entry: Entry): Claim {
  return { entry, holder: decodeOrSkip(addressSchema, entry) };
}

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

  constructor(private readonly now: () => number) {}

  /** Of one network's claims, those to end now. `folder` tells which of the remembered ones are spoken of. */
  expired(folder: string, claims: readonly Claim[], holders: Holders): readonly Claim[] {
    const ownerless = claims.filter(({ holder }) => holder && !isHeld(holder, holders));
    const keys = new Set(ownerless.map(({ entry }) => entry.key));
    for (const key of this.#since.keys()) {
      if (key.startsWith(folder) && !keys.has(key)) this.#since.delete(key);
    }
    for (const key of keys) if (!this.#since.has(key)) this.#since.set(key, this.now());
    return ownerless.filter(
      ({ entry: { key } }) => this.now() - (this.#since.get(key) ?? this.now()) >= holdMs,
    );
  }
}

/** A living node's address is its own to free: it may be in the middle of an attach. */
function isHeld({ owner, id, nodeId }: AddressRecord, { nodes, endpoints, services }: Holders): boolean {
  if (owner === 'service') return services.has(id);
  return endpoints.has(id) || (nodeId !== undefined && nodes.has(nodeId));
}
