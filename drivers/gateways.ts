import type { Network } from '../src/cluster/records.ts';
import { familyOf, parseSubnet, withPrefix } from '../src/lib/addresses.ts';
import type { JoinResult } from './driver.ts';

/** The addresses of a network's bridge, one per pool. */
export function gateways(network: Network): { address: string; cidr: string }[] {
  return network.ipam.pools.map(({ subnet, gateway }) => ({
    address: gateway,
    cidr: withPrefix(gateway, parseSubnet(subnet)),
  }));
}

/** An internal network provides no way out: a program there fails at once instead of waiting in vain. */
export function defaultRoutes(network: Network): Pick<JoinResult, 'gateway' | 'gateway6'> {
  if (network.internal) return {};
  const addresses = gateways(network).map(({ address }) => address);
  const gateway = addresses.find((address) => familyOf(address) === 4);
  const gateway6 = addresses.find((address) => familyOf(address) === 6);
  return { ...(gateway ? { gateway } : {}), ...(gateway6 ? { gateway6 } : {}) };
}
