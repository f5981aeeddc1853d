import type { Check, Store } from '../../kvstore/store.ts';
import { folders, keys } from './keys.ts';

/** What a store may keep when nobody is left: the marks of this program, and a document without subnets. */
const marks = [keys.schema, keys.identity, keys.subnets];

/**
 * The last node to go takes the marks along, so that a store without networks, apps and nodes holds no key of ours.
 * A node that comes in the same moment takes the store for a wiped one, and marks it again (reseed.ts).
 */
export async function forgetEmptyStore(store: Store): Promise<void> {
  const used = [folders.nodes, folders.networks, folders.services, folders.vnis, folders.apps];
  for (const folder of used) if ((await store.list(folder)).length > 0) return;
  const entries = await Promise.all(marks.map((key) => store.get(key)));
  const present = entries.filter((entry) => entry !== undefined);
  const subnets = present.find(({ key }) => key === keys.subnets);
  if (present.length === 0 || (subnets && subnets.value !== '{}')) return;
  const checks = present.map(({ key, version }): Check => ({ key, expect: 'version', version }));
  const { ok } = await store.commit(
    checks,
    present.map(({ key }) => ({ op: 'delete', key })),
  );
  if (!ok) return;
  for (const { key } of await store.list(folders.gone)) await store.commit([], [{ op: 'delete', key }]);
}
