import type { Store } from '../../kvstore/store.ts';

/** A sound store with some methods replaced. */
export function withFault(sound: Store, fault: Partial<Store>): Store {
  return {
    get: fault.get ?? ((key) => sound.get(key)),
    list: fault.list ?? ((prefix) => sound.list(prefix)),
    commit: fault.commit ?? ((checks, writes) => sound.commit(checks, writes)),
    watch: fault.watch ?? ((prefix) => sound.watch(prefix)),
    lease: fault.lease ?? ((ttl, ticket) => sound.lease(ttl, ticket)),
    status: fault.status ?? (() => sound.status()),
    close: fault.close ?? (() => sound.close()),
  };
}
