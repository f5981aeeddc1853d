import * as z from 'zod';
import type { Store } from '../../kvstore/store.ts';
import { FairleadError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import { decodeOrSkip } from './decode.ts';
import { keys } from './keys.ts';

/** The version of the records that this program reads and writes. */
const version = 1;

/**
 * Marks a new store with the schema and an identity, and refuses one that a newer program wrote. Repeatable;
 * several nodes may do it at once.
 * @returns the store's identity
 * @throws invalid, naming both versions
 */
export async function ensureSchema(store: Store, identity = newId()): Promise<string> {
  const entry = await store.get(keys.schema);
  if (!entry) {
    const known = await store.get(keys.identity);
    await store.commit(
      [
        { key: keys.schema, expect: 'absent' },
        known
          ? { key: keys.identity, expect: 'version', version: known.version }
          : { key: keys.identity, expect: 'absent' },
      ],
      [
        { op: 'put', key: keys.schema, value: JSON.stringify(version) },
        ...(known ? [] : [{ op: 'put', key: keys.identity, value: JSON.stringify(identity) } as const]),
      ],
    );
    return ensureSchema(store, identity);
  }
  const found = decodeOrSkip(z.number(), entry);
  if (found === undefined || found > version) {
    throw new FairleadError(
      'invalid',
      `the records in ${store.status().name} have schema ${entry.value}, and this fairlead knows ${version}: ` +
        'use a newer fairlead',
    );
  }
  return (await store.get(keys.identity))?.value ?? '';
}
