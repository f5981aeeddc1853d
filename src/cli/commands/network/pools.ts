import { contains, isAddress, parseSubnet, type Subnet, withoutPrefix } from '../../../lib/addresses.ts';
import { Failure } from '../../failure.ts';
import { keyValues } from '../../flags/values.ts';

interface PoolFlags {
  readonly subnet: readonly string[];
  readonly 'ip-range': readonly string[];
  readonly gateway: readonly string[];
  readonly 'aux-address': readonly string[];
}

interface Pool {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/**
 * Sorts ranges, gateways and auxiliary addresses to their subnets, as today's CLI does before it calls; a
 * text that is not an address or subnet is left to the daemon to refuse.
 * @throws Failure with Docker's texts (docker-facts 6.2)
 */
export function poolsOf(flags: PoolFlags): readonly Pool[] {
  if (Math.max(flags['ip-range'].length, flags.gateway.length) > flags.subnet.length) {
    throw new Failure('every ip-range or gateway must have a corresponding subnet');
  }
  const pools = flags.subnet.map((text): Pool => ({ Subnet: text }));
  refuseOverlaps(flags.subnet);
  for (const range of flags['ip-range']) place('range', range, pools, 'IPRange');
  for (const gateway of flags.gateway) place('gateway', gateway, pools, 'Gateway');
  for (const [name, address] of Object.entries(keyValues('aux-address', flags['aux-address']))) {
    const pool = pools.find(({ Subnet }) => matches(Subnet, address));
    if (!pool) throw new Failure(`no matching subnet for aux-address ${address}`);
    pool.AuxiliaryAddresses = { ...pool.AuxiliaryAddresses, [name]: address };
  }
  return pools;
}

function refuseOverlaps(subnets: readonly string[]): void {
  subnets.forEach((subnet, index) => {
    const overlapping = subnets
      .slice(0, index)
      .some((other) => matches(other, subnet) || matches(subnet, other));
    if (overlapping) throw new Failure('multiple overlapping subnet configuration is not supported');
  });
}

function place(
  what: 'range' | 'gateway',
  text: string,
  pools: readonly Pool[],
  key: 'IPRange' | 'Gateway',
): void {
  const pool = pools.find(({ Subnet }) => matches(Subnet, text)) ?? leftToDaemon(text, pools);
  if (!pool) throw new Failure(`no matching subnet for ${what} ${text}`);
  const taken = pool[key];
  if (taken !== undefined) {
    throw new Failure(
      `cannot configure multiple ${what}s (${text}, ${taken}) on the same subnet (${pool.Subnet})`,
    );
  }
  pool[key] = text;
}

/** With one subnet there is no question where a text belongs that cannot be parsed. */
function leftToDaemon(text: string, pools: readonly Pool[]): Pool | undefined {
  const [only, ...others] = pools;
  const unclear = !isAddress(withoutPrefix(text)) || subnetOf(only?.Subnet ?? '') === undefined;
  return others.length === 0 && unclear ? only : undefined;
}

function matches(subnet: string, text: string): boolean {
  const parsed = subnetOf(subnet);
  const address = withoutPrefix(text);
  return parsed !== undefined && isAddress(address) && contains(parsed, address);
}

function subnetOf(text: string): Subnet | undefined {
  try {
    return parseSubnet(text);
  } catch {
    return undefined;
  }
}
