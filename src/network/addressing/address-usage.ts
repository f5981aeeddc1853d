import type { Directory } from '../../cluster/directory.ts';
import { folders } from '../../cluster/keys.ts';
import type { Network, Pool } from '../../cluster/records.ts';
import {
  contains,
  fromNumber,
  isAddress,
  isReservedIn,
  parseSubnet,
  type Subnet,
} from '../../lib/addresses.ts';

/** How full a subnet is, as the Engine counts from API 1.52 on. */
export interface SubnetUsage {
  readonly subnet: string;
  /** Taken or never given out. */
  readonly inUse: bigint;
  /** That can still be given out, in the IP range if there is one. */
  readonly available: bigint;
}

/** Asks the store: of what other hosts have taken, this one knows only where it follows the network. */
export async function addressUsage(
  directory: Pick<Directory, 'reachable'>,
  network: Network,
): Promise<readonly SubnetUsage[]> {
  const folder = folders.addressesOf(network.id);
  const entries = await directory.reachable(network.scope).list(folder);
  const taken = entries.map(({ key }) => decodeURIComponent(key.slice(folder.length))).filter(isAddress);
  return network.ipam.pools.map((pool) => usageOf(pool, taken));
}

function usageOf(pool: Pool, taken: readonly string[]): SubnetUsage {
  const subnet = parseSubnet(pool.subnet);
  const range = parseSubnet(pool.ipRange ?? pool.subnet);
  const ends = [subnet.first, subnet.last].map((value) => fromNumber(value, subnet.family));
  const reserved = ends.filter((address) => isReservedIn(subnet, address));
  const all = new Set([...taken, ...reserved, pool.gateway, ...Object.values(pool.auxAddresses)]);
  const within = (net: Subnet) => BigInt([...all].filter((address) => isIn(net, address)).length);
  return {
    subnet: pool.subnet,
    inUse: within(subnet),
    available: range.last - range.first + 1n - within(range),
  };
}

function isIn(subnet: Subnet, address: string | undefined): boolean {
  return address !== undefined && isAddress(address) && contains(subnet, address);
}
