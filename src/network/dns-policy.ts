import { type DnsPolicy, dnsPolicies } from '../cluster/records.ts';
import type { Membership } from '../container/runtime.ts';
import { FairleadError } from '../lib/errors.ts';

/** The endpoint option that says it: `docker network connect --driver-opt fairlead.dns.policy=turn`. */
export const dnsPolicyOption = 'fairlead.dns.policy';

/** @throws invalid for a word that is no policy */
export function parseDnsPolicy(text: string): DnsPolicy {
  const policy = dnsPolicies.find((known) => known === text);
  if (policy) return policy;
  throw new FairleadError('invalid', `Invalid DNS policy "${text}", use one of ${dnsPolicies.join(', ')}`);
}

/** What an endpoint's record has of it. @throws invalid */
export function dnsPolicyOf({ driverOptions = {} }: Pick<Membership, 'driverOptions'>): {
  readonly dnsPolicy?: DnsPolicy;
} {
  const text = driverOptions[dnsPolicyOption];
  return text === undefined ? {} : { dnsPolicy: parseDnsPolicy(text) };
}
