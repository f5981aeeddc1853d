import { macFor, withoutPrefix } from '../lib/addresses.ts';
import type { Claim } from './ipam.ts';

/** The MAC follows from the IPv4 address, or else from the IPv6 one. */
export function macOf(claims: readonly Pick<Claim, 'cidr'>[]): { readonly mac?: string } {
  const [first] = claims;
  return first ? { mac: macFor(withoutPrefix(first.cidr)) } : {};
}

/** Two claims of one commit both move the cursor; a key may be written only once. */
export function lastWins<W extends { readonly key: string }>(writes: readonly W[]): readonly W[] {
  return [...new Map(writes.map((write) => [write.key, write])).values()];
}

export function abandon(claims: readonly Claim[], failedKey: string): void {
  for (const claim of claims) claim.abandon(claim.checks.some(({ key }) => key === failedKey));
}
