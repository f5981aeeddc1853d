import { randomUUID } from 'node:crypto';
import { openStore } from '../../../kvstore/open.ts';
import type { Store } from '../../../kvstore/store.ts';
import type { StoreRig } from './rig.ts';

/** A rig on a running server: an empty store is a path that nobody has used. */
export function serverRig(url: string, options: Readonly<Record<string, string>> = {}): StoreRig {
  const path = randomUUID();
  const opened: Store[] = [];
  return {
    shared: true,
    open: async () => {
      const store = await openStore(`${url}/${path}`, options);
      opened.push(store);
      return store;
    },
    [Symbol.asyncDispose]: async () => {
      for (const store of opened) await store.close();
    },
  };
}
