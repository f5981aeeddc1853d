import type { Network } from '../../src/cluster/records.ts';
import type { BridgeSpec } from '../../src/dataplane/links.ts';
import { bridgeName, vxlanName } from '../../src/dataplane/names.ts';
import type { VxlanSpec } from '../../src/dataplane/tunnels.ts';
import { familyOf, macFor } from '../../src/lib/addresses.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import { gateways } from '../gateways.ts';
import { isEncrypted, wantedMtu } from './options.ts';

/** The port that IANA gave to VXLAN. */
export const defaultVxlanPort = 4789;
/**
 * Of encrypted networks: with a port of their own the kernel's policies can tell their datagrams from the plain ones.
 * It is seen on the hosts only, inside ESP; nobody has it (IANA), and it is below the ephemeral ones.
 */
export const encryptedPort = 4793;

/** @param plainPort of what is not encrypted */
export function tunnelPort({ options }: Pick<Network, 'options'>, plainPort: number): number {
  return isEncrypted(options) ? encryptedPort : plainPort;
}

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

export function devicesOf(tag: string, network: Network, underlay: Underlay, plainPort: number): Devices {
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
      port: tunnelPort(network, plainPort),
      mtu,
      ...(isEncrypted(network.options) ? { encrypted: true } : {}),
    },
  };
}

export function deviceNames(tag: string, { id }: Pick<Network, 'id'>): { bridge: string; vxlan: string } {
  return { bridge: bridgeName(tag, id), vxlan: vxlanName(tag, id) };
}

/** Less than the outer IP header, UDP (8), VXLAN (8) and the inner Ethernet header (14) (RFC 7348 section 5). */
export function mtuOn({ options }: Pick<Network, 'options'>, { address, mtu }: Underlay): number {
  const room = mtu - (familyOf(address) === 4 ? 20 : 40);
  return wantedMtu(options) ?? (isEncrypted(options) ? withinEsp(room) : room) - 30;
}

/**
 * What of the room ESP leaves: its header (8), the IV (8) and the check value (16) of RFC 4106 aside, a multiple
 * of 4 bytes, the last two of which are the trailer (RFC 4303 section 2).
 */
function withinEsp(room: number): number {
  const padded = room - 8 - 8 - 16;
  return padded - (padded % 4) - 2;
}

function vniOf({ name, vni }: Network): number {
  if (vni === undefined) throw new FairleadError('internal', `network ${name} has no VXLAN id`);
  return vni;
}
