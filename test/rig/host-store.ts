import { type ConsulServer, startConsul } from './consul.ts';
import { type EtcdServer, startEtcd } from './etcd.ts';
import type { Reaper } from './reaper.ts';
import { Relay } from './relay.ts';
import { Underlay } from './underlay.ts';
import { startZooKeeper, type ZooKeeperServer } from './zookeeper.ts';

export const storeNames = ['consul', 'etcd', 'zookeeper'] as const;
export type StoreName = (typeof storeNames)[number];
export type StoreServer = ConsulServer | EtcdServer | ZooKeeperServer;

const starters: Readonly<Record<StoreName, () => Promise<StoreServer>>> = {
  consul: () => startConsul(),
  etcd: () => startEtcd(),
  zookeeper: () => startZooKeeper(),
};
const ports: Readonly<Record<StoreName, number>> = { consul: 8500, etcd: 2379, zookeeper: 2181 };

/** A KV store as the hosts of an underlay see it: at an address of one of them. */
export class HostStore implements AsyncDisposable {
  private constructor(
    /** For --kv-store. */
    readonly url: string,
    /** Its own server, to be asked behind the daemons' backs. */
    readonly server: StoreServer,
    private readonly relay: Relay,
  ) {}

  static port(name: StoreName): number {
    return ports[name];
  }

  /** `host` counts from 1. Whatever becomes of this process, the reaper ends the server. */
  static async start(name: StoreName, underlay: Underlay, host: number, reaper: Reaper): Promise<HostStore> {
    const server = await starters[name]();
    reaper.process(server.server.pid);
    reaper.directory(server.server.directory);
    try {
      const relay = await Relay.start({
        namespace: underlay.host(host).path,
        address: Underlay.address(host),
        port: ports[name],
        target: server.port,
        directory: server.server.directory,
      });
      return new HostStore(`${name}:${Underlay.address(host)}:${ports[name]}`, server, relay);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
