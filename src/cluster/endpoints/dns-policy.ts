import { FairleadError } from '../../lib/errors.ts';
import { type DnsPolicy, dnsPolicies } from '../records.ts';

/** The endpoint option that says it: `docker network connect --driver-opt fairlead.dns.policy=turn`. */
export const dnsPolicyOption = 'fairlead.dns.policy';

/** @throws invalid for a word that is no policy */
export function parseDnsPolicy(text: string): DnsPolicy {
  const policy = dnsPolicies.find((known) => known === text);
  if (policy) return policy;
  throw new FairleadError('invalid', `Invalid DNS policy "${text}", use one of ${dnsPolicies.join(', ')}`);
}

/** @throws invalid for an endpoint's options with a policy that is none */
export function checkDnsPolicy({
  driverOptions,
}: {
  readonly driverOptions?: Readonly<Record<string, string>>;
}): void {
  const text = driverOptions?.[dnsPolicyOption];
  if (text !== undefined) parseDnsPolicy(text);
}
