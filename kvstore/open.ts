import type { Backend } from './backend.ts';
import { ConsulBackend } from './consul.ts';
import { EtcdBackend } from './etcd.ts';
import { parseStoreOptions, type StoreOptions } from './options.ts';
import { RemoteStore } from './remote-store.ts';
import { type Provider, parseStoreSpec, type StoreSpec } from './spec.ts';
import type { Store } from './store.ts';
import { ZooKeeperBackend } from './zookeeper.ts';

/** Every kind of server. */
const backends: Readonly<Record<Provider, (spec: StoreSpec, options: StoreOptions) => Backend>> = {
  consul: (spec, options) => new ConsulBackend(spec, options),
  etcd: (spec, options) => new EtcdBackend(spec, options),
  zookeeper: (spec, options) => new ZooKeeperBackend(spec, options),
};

/**
 * Opens what `--kv-store` and `--kv-store-opt` name. Does not wait for a server: while it is away the store
 * says so in `status`, and calls reject.
 * @throws invalid for a wrong spec or option
 */
export async function openStore(spec: string, options: Readonly<Record<string, string>>): Promise<Store> {
  const parsed = parseStoreSpec(spec);
  const backend = backends[parsed.provider](parsed, parseStoreOptions(parsed.provider, options));
  return new RemoteStore(backend, parsed.name);
}
