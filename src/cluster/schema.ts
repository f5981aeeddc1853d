import type { Store } from '../../kvstore/store.ts';
import { FairleadError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
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
    await store.commit(
      [
        { key: keys.schema, expect: 'absent' },
        { key: keys.identity, expect: 'absent' },
      ],
      [
        { op: 'put', key: keys.schema, value: JSON.stringify(version) },
        { op: 'put', key: keys.identity, value: JSON.stringify(identity) },
      ],
    );
    return ensureSchema(store, identity);
  }
  const found: unknown = JSON.parse(entry.value);
  if (typeof found !== 'number' || found > version) {
    throw new FairleadError(
      'invalid',
      `the records in ${store.status().name} have schema ${entry.value}, and this fairlead knows ${version}: ` +
        'use a newer fairlead',
    );
  }
  return (await store.get(keys.identity))?.value ?? '';
}
