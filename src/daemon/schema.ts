import type { Store } from '../../kvstore/store.ts';
import { keys } from '../cluster/keys.ts';
import { FairleadError } from '../lib/errors.ts';

/** The version of the records that this program reads and writes. */
const version = 1;

/** Marks a new store, and refuses one that a newer program wrote. @throws invalid, naming both versions */
export async function checkSchema(store: Store): Promise<void> {
  const entry = await store.get(keys.schema);
  if (!entry) {
    await store.commit(
      [{ key: keys.schema, expect: 'absent' }],
      [{ op: 'put', key: keys.schema, value: JSON.stringify(version) }],
    );
    return;
  }
  const found: unknown = JSON.parse(entry.value);
  if (typeof found === 'number' && found <= version) return;
  const { name } = store.status();
  throw new FairleadError(
    'invalid',
    `the records in ${name} have schema ${entry.value}, and this fairlead knows ${version}: use a newer fairlead`,
  );
}
