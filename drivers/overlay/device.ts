import type { Network } from '../../src/cluster/records.ts';
import type { BridgeSpec, VxlanSpec } from '../../src/dataplane/dataplane.ts';
import { bridgeName, vxlanName } from '../../src/dataplane/names.ts';
import { familyOf, macFor } from '../../src/lib/addresses.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import { gateways } from '../gateways.ts';
import { wantedMtu } from './options.ts';

/** The port that IANA gave to VXLAN. */
export const tunnelPort = 4789;

/** What a node has of an overlay network: the bridge that its containers are in, and the way to the others. */
export interface Devices {
  readonly bridge: BridgeSpec;
  readonly vxlan: VxlanSpec;
}

/** The node's address on the network that carries the tunnels. */
export interface Underlay {
  readonly address: string;
  /** Bytes. */
  readonly mtu: number;
}

export function devicesOf(tag: string, network: Network, underlay: Underlay): Devices {
  const mtu = mtuOn(network, underlay);
  const addresses = gateways(network);
  const [first] = addresses;
  const names = deviceNames(tag, network);
  return {
    bridge: {
      name: names.bridge,
      addresses: addresses.map(({ cidr }) => cidr),
      mtu,
      // The same on every node, as the address is: a container that moved finds its gateway unchanged.
      ...(first ? { mac: macFor(first.address) } : {}),
    },
    vxlan: {
      name: names.vxlan,
      bridge: names.bridge,
      vni: vniOf(network),
      local: underlay.address,
      port: tunnelPort,
      mtu,
    },
  };
}

export function deviceNames(tag: string, { id }: Pick<Network, 'id'>): { bridge: string; vxlan: string } {
  return { bridge: bridgeName(tag, id), vxlan: vxlanName(tag, id) };
}

/** Outer IP, UDP (8), VXLAN (8) and the inner Ethernet header (14) (RFC 7348 section 5). */
export function mtuOn(network: Pick<Network, 'options'>, { address, mtu }: Underlay): number {
  const outer = familyOf(address) === 4 ? 20 : 40;
  return wantedMtu(network.options) ?? mtu - outer - 30;
}

function vniOf({ name, vni }: Network): number {
  if (vni === undefined) throw new FairleadError('internal', `network ${name} has no VXLAN id`);
  return vni;
}
