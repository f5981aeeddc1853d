import type { IpamDriver } from '../../../drivers/ipam-driver.ts';
import type { Directory } from '../../cluster/directory.ts';
import { folders } from '../../cluster/keys.ts';
import type { Network, Scope } from '../../cluster/records.ts';
import { contains, parseSubnet, withoutPrefix } from '../../lib/addresses.ts';
import type { Logger } from '../../lib/log.ts';
import type { NetworkSpec } from '../model.ts';
import type { Claim } from './claim.ts';
import { claimRemotely, type RemoteRequest } from './remote-addresses.ts';
import { orLog, releasePools, replayPools, requestPools } from './remote-pools.ts';

/** Networks whose addresses an IPAM plugin chooses. For all others every method does nothing. */
export class RemoteIpam {
  /** Network id → the plugin's life in which it was told of its pools. */
  readonly #told = new Map<string, string | undefined>();

  constructor(
    private readonly directory: Directory,
    /** Undefined for names that are no plugin's. */
    private readonly named: (name: string) => IpamDriver | undefined,
    private readonly log: Logger,
  ) {}

  /** @returns undefined where the addresses are ours to give. @throws not-found | unavailable | internal */
  async request(scope: Scope, spec: NetworkSpec): Promise<Network['ipam'] | undefined> {
    const driver = this.named(spec.ipam?.driver || 'default');
    return driver && (await requestPools(driver, scope, spec));
  }

  /** Its pools are in use from now on. */
  async taken({ id, ipam }: Network): Promise<void> {
    const driver = this.named(ipam.driver);
    if (driver) this.#told.set(id, await driver.life());
  }

  serves({ ipam }: Network): boolean {
    return this.named(ipam.driver) !== undefined;
  }

  /** @throws what the plugin says; conflict when it gives what is in use */
  async claim(request: RemoteRequest): Promise<Claim | undefined> {
    const driver = this.named(request.network.ipam.driver);
    const store = this.directory.reachable(request.network.scope);
    return driver && (await claimRemotely(driver, store, this.log, request));
  }

  /** Before: no record says any more that somebody has these. What the plugin says is logged only. */
  async giveBack({ ipam }: Network, addresses: readonly string[]): Promise<void> {
    const driver = this.named(ipam.driver);
    if (!driver) return;
    for (const address of addresses.map(withoutPrefix)) {
      const pool = ipam.pools.find(({ subnet }) => contains(parseSubnet(subnet), address));
      if (!pool?.poolId) continue;
      const { poolId } = pool;
      await orLog(this.log, `release ${address}`, driver, () => driver.releaseAddress(poolId, address));
    }
  }

  /** Before: the network's addresses are given back. */
  async release(ipam: Network['ipam']): Promise<void> {
    const driver = this.named(ipam.driver);
    if (driver) await releasePools(driver, ipam, this.log);
  }

  /** After a restart of this daemon or of a plugin that asks for it: tells it again what this host has in use. */
  async replay(): Promise<void> {
    for (const network of this.directory.networks()) {
      const driver = network.scope === 'local' ? this.named(network.ipam.driver) : undefined;
      if (!driver) continue;
      const life = await driver.life();
      if (life !== undefined && this.#told.get(network.id) === life) continue;
      const { requiresReplay } = await driver.facts({ patient: false });
      if (requiresReplay) await replayPools(driver, network, await this.#inUse(network), this.log);
      this.#told.set(network.id, await driver.life());
    }
  }

  async #inUse({ id, scope }: Network): Promise<readonly string[]> {
    const folder = folders.addressesOf(id);
    const entries = await this.directory.reachable(scope).list(folder);
    return entries.map(({ key }) => decodeURIComponent(key.slice(folder.length)));
  }
}
