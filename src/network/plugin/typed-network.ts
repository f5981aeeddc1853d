import type { EngineNetwork } from '../../container/host-engine.ts';
import { fromNumber, overlaps, parseSubnet, type Subnet } from '../../lib/addresses.ts';
import { firstHost } from '../addressing/gateways.ts';
import type { NetworkSpec, PoolSpec } from '../model.ts';
import type { EnginePools } from './pools.ts';

/** Option that names the driver of a network typed at an Engine; absent: overlay. */
export const driverOption = 'com.fairlead.driver';

/** The network that a person created at the Engine, as ours. `driver` is what the Engine calls us. */
export function typedSpec(theirs: EngineNetwork, driver: string, pools: EnginePools): NetworkSpec {
  const { name, internal, ipv6, labels, options } = theirs;
  const { [driverOption]: own = 'overlay', ...rest } = options;
  const kept = Object.entries(rest).filter(([key]) => !key.startsWith('com.fairlead.'));
  const isOurs = theirs.ipamDriver === driver;
  return {
    ...{ name, driver: own, typedDriver: driver, internal, ipv6, labels, attachable: true },
    options: Object.fromEntries(kept),
    ipam: {
      driver: 'default',
      config: theirs.pools.map((pool) => (isOurs ? ourPool(pool, pools) : theirPool(pool))),
    },
  };
}

/** One that is typed at our own socket as at the Engine's, by the name that it has for us: the same comes of it. */
export function spokenSpec(spec: NetworkSpec, driver: string): NetworkSpec {
  if (spec.driver !== driver) return spec;
  const { [driverOption]: own = 'overlay', ...options } = spec.options ?? {};
  const ipam = spec.ipam && {
    ...spec.ipam,
    driver: spec.ipam.driver === driver ? 'default' : (spec.ipam.driver ?? ''),
  };
  return { ...spec, driver: own, typedDriver: driver, options, ...(ipam && { ipam }) };
}

type EnginePool = EngineNetwork['pools'][number];

/** Of our own address management: what the Engine asked for then, it does not all say again. */
function ourPool({ subnet, gateway, ipRange }: EnginePool, pools: EnginePools): PoolSpec {
  const draft = pools.of([subnet])[0]?.[1];
  const aux = (draft?.auxAddresses ?? []).map((address, i) => [`aux${i}`, address]);
  const given = gateway ?? draft?.gateway;
  const range = ipRange ?? draft?.ipRange;
  return {
    subnet,
    ...(given ? { gateway: given } : {}),
    ...(range ? { ipRange: range } : {}),
    auxAddresses: Object.fromEntries(aux),
  };
}

/** The Engine's own address manager begins at the low end: everybody else takes from the half that is left. */
function theirPool({ subnet, gateway, ipRange }: EnginePool): PoolSpec {
  const block = parseSubnet(subnet);
  // The Engine shows none that it has chosen itself.
  const chosen = gateway ?? firstHost(block, ipRange ? parseSubnet(ipRange) : block);
  return { subnet, gateway: chosen, ipRange: otherHalf(block, ipRange) };
}

/** The half of the subnet that the Engine's range does not lie in; the upper one when it says none. */
function otherHalf(subnet: Subnet, range: string | undefined): string {
  // One address has no halves.
  if (subnet.first === subnet.last) return subnet.text;
  const length = subnet.prefixLength + 1;
  const upper = parseSubnet(`${fromNumber((subnet.first + subnet.last + 1n) / 2n, subnet.family)}/${length}`);
  const lower = parseSubnet(`${fromNumber(subnet.first, subnet.family)}/${length}`);
  return range && overlaps(parseSubnet(range), upper) ? lower.text : upper.text;
}
