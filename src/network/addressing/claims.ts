import type { Driver } from '../../../drivers/driver.ts';
import type { AddressRecord, Network } from '../../cluster/records.ts';
import { macFor, withoutPrefix } from '../../lib/addresses.ts';
import type { NetworkContext } from '../context.ts';
import type { Claim } from './claim.ts';

/** An address of each family that the network has and that is wanted; all or none. @throws as AddressBook.claim */
export async function claimAddresses(
  { ipam }: Pick<NetworkContext, 'ipam'>,
  network: Network,
  owner: AddressRecord,
  wanted: { readonly ipv4?: string; readonly ipv6?: string; readonly mac?: string } = {},
  withIpv6 = true,
): Promise<readonly [Claim | undefined, Claim | undefined]> {
  const v4 = await ipam.claim(network, 4, owner, wanted.ipv4, wanted.mac);
  if (!withIpv6) return [v4, undefined];
  try {
    return [v4, await ipam.claim(network, 6, owner, wanted.ipv6, wanted.mac ?? v4?.mac)];
  } catch (error) {
    v4?.abandon(false);
    throw error;
  }
}

/**
 * The MAC follows from the IPv4 address, or else from the IPv6 one. An IPAM plugin may have been told another;
 * a network plugin gives its interfaces their own.
 */
export function macOf(
  claims: readonly Pick<Claim, 'cidr' | 'mac'>[],
  { givesMacs = false }: Pick<Driver, 'givesMacs'>,
): { readonly mac?: string } {
  const [first] = claims;
  if (first?.mac) return { mac: first.mac };
  return first && !givesMacs ? { mac: macFor(withoutPrefix(first.cidr)) } : {};
}

/** Two claims of one commit both move the cursor; a key may be written only once. */
export function lastWins<W extends { readonly key: string }>(writes: readonly W[]): readonly W[] {
  return [...new Map(writes.map((write) => [write.key, write])).values()];
}

export function abandon(claims: readonly Claim[], failedKey: string): void {
  for (const claim of claims) claim.abandon(claim.checks.some(({ key }) => key === failedKey));
}
