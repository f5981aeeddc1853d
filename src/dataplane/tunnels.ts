import type { Association, AssociationChanges } from './associations.ts';

/** What carries an overlay network between hosts: VXLAN devices, their entries, and IPsec where it is encrypted. */
export interface Tunnels {
  /**
   * After: the device is there and up, a port of its bridge. When something that cannot be changed differs
   * it is made anew, and its entries are gone. A device of this node with its VNI and port under another
   * name is left over from an earlier network, and goes. From before an encrypted device is there until the last
   * one has gone, no datagram to its port leaves or is taken in but under an association of this node.
   * @throws not-found without its bridge; conflict when a device of somebody else's has the VNI and port
   */
  ensureVxlan(vxlan: VxlanSpec): Promise<void>;
  removeVxlan(name: string): Promise<void>;
  /** Why tunnels that start at the address cannot be encrypted here, in one line; undefined: they can. */
  encryptionObstacle(local: string): Promise<string | undefined>;
  /** This node's, for what encrypted devices carry. They go with the last such device. */
  associations(): Promise<readonly Association[]>;
  /**
   * Adds before it removes; removing what is not there is no error. What is there already is left as it is: its
   * packets' numbers go on. @throws conflict where somebody else's association has the SPI
   */
  changeAssociations(changes: AssociationChanges): Promise<void>;
  /** What the device is programmed with. @throws not-found */
  tunnelEntries(name: string): Promise<TunnelEntries>;
  /** Sets before it removes; setting what is there and removing what is not are no errors. @throws not-found */
  changeTunnel(name: string, changes: TunnelChanges): Promise<void>;
}

/** One end of a VXLAN tunnel to many hosts (RFC 7348): it neither learns nor floods, all it knows it is told. */
export interface VxlanSpec {
  /** At most 15 characters (IFNAMSIZ). */
  readonly name: string;
  readonly bridge: string;
  /** 1 to 16777215. */
  readonly vni: number;
  /** The host's address that packets leave from; its family is the tunnel's. */
  readonly local: string;
  /** UDP, at both ends. */
  readonly port: number;
  /** Bytes, of the frames' payload inside. */
  readonly mtu: number;
  /** All that goes by its port does so through IPsec. No plain device may have the port. */
  readonly encrypted?: boolean;
}

/**
 * What a vxlan device knows of endpoints on other hosts. MACs in lower case, addresses canonical. An entry
 * that the kernel would let expire is told with an empty `via` or `mac`: it is not what anybody wants.
 */
export interface TunnelEntries {
  /** MACs whose frames the bridge hands to the device, and to no other port. */
  readonly bridged: readonly string[];
  /** `via`: the underlay address of the host that frames for the MAC are sent to. */
  readonly forwarding: readonly { readonly mac: string; readonly via: string }[];
  /** What the device answers to ARP and neighbour discovery. */
  readonly neighbours: readonly { readonly address: string; readonly mac: string }[];
}

export interface TunnelChanges {
  readonly set: TunnelEntries;
  readonly remove: {
    /** MACs */
    readonly bridged: readonly string[];
    /** MACs */
    readonly forwarding: readonly string[];
    /** Addresses */
    readonly neighbours: readonly string[];
  };
}
