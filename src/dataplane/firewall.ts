import type { HostEnd } from './links.ts';

/** The node's rules as one value, and the host's ports that are published. */
export interface PacketFilter {
  /**
   * Replaces this node's whole firewall, unless `partial`, in one transaction. Equal rules cost nothing. Forwarding of
   * a family is on while a network needs it. Where it was off before, it stays so for everybody else, and goes off again.
   */
  applyFirewall(rules: Firewall): Promise<void>;

  /**
   * Keeps programs of the host off the port as long as this process lives, and relays to the target what rules
   * cannot redirect: `[::1]`, and IPv6 to a sandbox without it. Holding it again sets the target anew.
   * @throws conflict when a program has the port; unsupported when the host has no such address
   */
  holdPort(port: PublishedPort, target?: PortTarget): Promise<void>;
  releasePort(port: PublishedPort): Promise<void>;
}

/** The node's firewall as a value; order does not matter. */
export interface Firewall {
  readonly networks: readonly NetworkRules[];
  /** No two of the same protocol, address and port. */
  readonly ports?: readonly PortRule[];
  /** Those are reached at the container's own address too, where its network is routed or trusts an interface. */
  readonly doors?: readonly Door[];
  /** Underlay addresses of the other living nodes: only they may send to tunnel ports. */
  readonly nodes?: readonly string[];
  /** Nodes that an earlier process has let in may send on: they may be about to come back. */
  readonly spareNodes?: boolean;
  /** Interfaces that are there, beside those that `plug` and `ensureDetachedVeth` have been told of. */
  readonly ends?: readonly HostEnd[];
  /** These are not all yet: what an earlier process has put into the kernel for others stays. */
  readonly partial?: boolean;
}

/** A port of the host: of one address, or with the family's wildcard (`0.0.0.0`, `::`) of all. */
export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly address: string;
  readonly port: number;
}

export interface PortTarget {
  readonly address: string;
  readonly port: number;
}

/** What comes to the host's port, from outside, from sandboxes or from the host itself, goes to the target. */
export interface PortRule {
  readonly published: PublishedPort;
  /** Of the same family. */
  readonly target: PortTarget;
  /** The bridge that the target is behind. */
  readonly bridge: string;
  /** The host's end of the target's interface; absent: the target does not reach itself by the host's port. */
  readonly hostEnd?: string;
}

/** A container's published port, at the container's address. */
export interface Door extends PortTarget {
  readonly protocol: PublishedPort['protocol'];
}

/**
 * Of a family, in place of masquerading and redirected ports alone. `nat-unprotected`: those, and all ports of containers
 * are reached from outside. `routed`: neither, but containers' published ports and echo are reached, from other networks
 * of this host as well. `isolated`: the host itself and the containers do not reach each other, but for DNS.
 */
export type Way = 'nat-unprotected' | 'routed' | 'isolated';

export interface NetworkRules {
  /** The bridge interface that the network's packets enter and leave by. */
  readonly bridge: string;
  /** CIDR of the network's pools. */
  readonly subnets: readonly string[];
  /** No way out and none in. */
  readonly internal: boolean;
  /** Masquerade what leaves the host. */
  readonly masquerade: boolean;
  /** Containers of this network may talk to each other. */
  readonly icc: boolean;
  /** The host's address that IPv4 ports are published on when nobody names one; absent: all of them. */
  readonly hostBinding?: string;
  /**
   * UDP port that carries the network between hosts. No sandbox may send to it, on this host or beyond: it
   * could forge frames of any network.
   */
  readonly tunnelPort?: number;
  /** Its VXLAN id: others' networks, which somebody else may have on that port, are theirs to guard. */
  readonly vni?: number;
  /** What goes by that port without IPsec is dropped, also where the kernel's policies do not hold (`lo`). */
  readonly encrypted?: boolean;
  /** Its containers may send from any MAC and address; see `HostEnd`. */
  readonly anySource?: boolean;
  readonly ways?: { readonly 4?: Way; readonly 6?: Way };
  /** By these interfaces of the host containers' published ports are reached at the containers' addresses. */
  readonly trusted?: readonly string[];
}
