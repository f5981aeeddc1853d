import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startConsul } from './consul.ts';
import { startEtcd } from './etcd.ts';
import type { TestServer } from './server.ts';
import { startZooKeeper } from './zookeeper.ts';

export interface RunningStore extends AsyncDisposable {
  readonly server: TestServer;
  readonly port: number;
}

export interface StoreKind {
  /** As `--kv-store` names it. */
  readonly provider: string;
  readonly start: () => Promise<RunningStore>;
}

/** Every kind of real server that daemons can share. */
export const storeKinds: readonly StoreKind[] = [
  { provider: 'etcd', start: () => startEtcd() },
  { provider: 'consul', start: () => startConsul() },
  { provider: 'zookeeper', start: () => startZooKeeper() },
];

/** Between stop and start: all that it knew is gone. */
export async function wipe({ server }: RunningStore): Promise<void> {
  await rm(join(server.directory, 'data'), { recursive: true, force: true });
}
