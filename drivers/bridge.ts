import type { Endpoint, Network } from '../src/cluster/records.ts';
import type { NetworkRules } from '../src/dataplane/firewall.ts';
import type { BridgeSpec, Links } from '../src/dataplane/links.ts';
import { hostEndName } from '../src/dataplane/names.ts';
import { familyOf, macFor } from '../src/lib/addresses.ts';
import { FairleadError } from '../src/lib/errors.ts';
import { bridgeOf, checkBridgeOptions, type GatewayMode, parseBridgeOptions } from './bridge-options.ts';
import type { Driver, JoinResult } from './driver.ts';
import { defaultRoutes, gateways } from './gateways.ts';

/**
 * One Linux bridge per network, with the gateway's addresses; a veth pair per endpoint; NAT for what
 * leaves the host. Isolation and NAT are rules of the node's one firewall, which `firewall` contributes to.
 */
export function createBridgeDriver(dataplane: Links, tag: string): Driver {
  const hostEnd = (endpoint: Endpoint, network: Network) =>
    ({ kind: 'veth', hostName: hostEndName(tag, endpoint.id), bridge: bridgeOf(tag, network) }) as const;
  return {
    name: 'bridge',
    scope: 'local',
    addressed: true,
    single: false,
    validate: (network, others) => validate(tag, network, others),

    async ensureNetwork(network) {
      await dataplane.ensureBridge(bridgeSpec(tag, network));
    },

    async removeNetwork(network) {
      await dataplane.removeBridge(bridgeOf(tag, network));
    },

    async join(network, endpoint): Promise<JoinResult> {
      const source = hostEnd(endpoint, network);
      const { mtu, interfacePrefix: namePrefix } = parseBridgeOptions(network.options);
      const mac = endpoint.mac === undefined ? {} : { mac: endpoint.mac };
      return { interface: { source, namePrefix, mtu, ...mac }, ...defaultRoutes(network), routes: [] };
    },

    async leave(network, endpoint) {
      await dataplane.unplug(endpoint.containerId, { name: '', source: hostEnd(endpoint, network) });
    },

    expected: async (network) => ({ bridges: [bridgeSpec(tag, network)], vxlans: [] }),
    firewall: (network) => rules(tag, network),
    interfaces: (network) => [bridgeOf(tag, network)],
  };
}

function bridgeSpec(tag: string, network: Network): BridgeSpec {
  const addresses = gateways(network);
  const [first] = addresses;
  return {
    name: bridgeOf(tag, network),
    addresses: addresses.map(({ cidr }) => cidr),
    mtu: parseBridgeOptions(network.options).mtu,
    // Derived from the address, so that neighbours' caches stay right when the bridge is made anew.
    ...(first ? { mac: macFor(first.address) } : {}),
  };
}

function validate(tag: string, network: Network, others: readonly Network[]): void {
  checkBridgeOptions(network);
  const v4 = network.ipam.pools.filter(({ subnet }) => familyOf(subnet) === 4);
  if (v4.length > 1) throw new FairleadError('forbidden', "bridge driver doesn't support multiple subnets");
  const name = bridgeOf(tag, network);
  const conflicting = others.find((other) => isConflicting(tag, network, other, name));
  if (!conflicting) return;
  throw new FairleadError(
    'forbidden',
    `cannot create network ${network.id} (${name}): conflicts with network ${conflicting.id} (${name}): ` +
      'networks have same bridge name',
  );
}

function isConflicting(tag: string, network: Network, other: Network, name: string): boolean {
  return other.driver === 'bridge' && other.id !== network.id && bridgeOf(tag, other) === name;
}

function rules(tag: string, network: Network): NetworkRules {
  const { icc, masquerade, hostBinding, anySource, trusted, gatewayMode4, gatewayMode6 } = parseBridgeOptions(
    network.options,
  );
  const ways = { ...wayOf(4, gatewayMode4), ...wayOf(6, gatewayMode6) };
  return {
    bridge: bridgeOf(tag, network),
    subnets: network.ipam.pools.map(({ subnet }) => subnet),
    internal: network.internal,
    masquerade,
    icc,
    ...(hostBinding === '0.0.0.0' ? {} : { hostBinding }),
    ...(anySource ? { anySource } : {}),
    ...(Object.keys(ways).length > 0 ? { ways } : {}),
    ...(trusted.length > 0 ? { trusted } : {}),
  };
}

function wayOf(family: 4 | 6, mode: GatewayMode): NetworkRules['ways'] {
  return mode === 'nat' ? {} : { [family]: mode };
}
