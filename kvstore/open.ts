import type { Backend } from './remote/backend.ts';
import { parseStoreOptions, type StoreOptions } from './remote/options.ts';
import { RemoteStore } from './remote/remote-store.ts';
import { type Provider, parseStoreSpec, type StoreSpec } from './remote/spec.ts';
import type { Store } from './store.ts';

/** Every kind of server, loaded when it is asked for: etcd's client alone takes as long to load as Node to start. */
const backends: Readonly<Record<Provider, (spec: StoreSpec, options: StoreOptions) => Promise<Backend>>> = {
  consul: async (...of) => new (await import('./consul/consul.ts')).ConsulBackend(...of),
  etcd: async (...of) => new (await import('./etcd/etcd.ts')).EtcdBackend(...of),
  zookeeper: async (...of) => new (await import('./zookeeper/zookeeper.ts')).ZooKeeperBackend(...of),
};

/**
 * Opens what `--kv-store` and `--kv-store-opt` name. Does not wait for a server: while it is away the store
 * says so in `status`, and calls reject.
 * @throws invalid for a wrong spec or option
 */
export async function openStore(spec: string, options: Readonly<Record<string, string>>): Promise<Store> {
  const parsed = parseStoreSpec(spec);
  const backend = await backends[parsed.provider](parsed, parseStoreOptions(parsed.provider, options));
  return new RemoteStore(backend, parsed.name);
}
