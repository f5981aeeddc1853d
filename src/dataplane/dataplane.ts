import type { Association, AssociationChanges } from './associations.ts';

/**
 * What moves packets, or computes where they would go. Two implementations: linux/ (iproute2, nftables,
 * named network namespaces) and simulated.ts (a model in memory).
 *
 * Every `ensure…` compares and changes only what differs; every method may be repeated; `remove…` of what
 * is absent is no error. Kernel objects carry this node's tag in their names (src/dataplane/names.ts):
 * `owned()` lists them and nothing else, so that objects of others, another Fairlead included, are never touched.
 */
export interface Dataplane {
  readonly kind: 'linux' | 'simulated';

  /**
   * A network stack with only `lo` up. After: `sandboxPath(id)` can be entered. Where there is none yet, the network
   * namespace of the process `pid`, which has a new one of its own, becomes it; without a process a new one does.
   */
  ensureSandbox(sandboxId: string, pid?: number): Promise<void>;
  /** After: the namespace and every interface in it are gone. Processes in it must have ended. */
  removeSandbox(sandboxId: string): Promise<void>;
  /** Where the namespace is: `/run/netns/…`, or for `hostSandbox` `/proc/…/ns/net`, the namespace of this process. */
  sandboxPath(sandboxId: string): string;

  /**
   * After: a bridge with these addresses, up. Addresses that the spec does not name are taken off. It takes no router
   * advertisement and no redirect, from before it is up, and has IPv6 only with such an address.
   */
  ensureBridge(bridge: BridgeSpec): Promise<void>;
  removeBridge(name: string): Promise<void>;

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
  /** Bytes, of the host's interface with this address; undefined when none has it. */
  mtuOf(address: string): Promise<number | undefined>;

  /**
   * Puts the interface into the sandbox under `name`, with its addresses and MAC, up; IPv6 is off on it unless it has
   * such an address. Of a veth with MAC and addresses no frame with another source reaches the bridge (`HostEnd`)
   * unless `anySource`. Undone by `unplug`. Repeating it repairs; it never adds a second one.
   */
  plug(sandboxId: string, plug: Plug): Promise<void>;
  /**
   * After: neither end of the interface exists (or, for `existing`, it is back in the host's namespace).
   * A veth is found by its host end alone, whatever the sandbox.
   */
  unplug(sandboxId: string, plug: Pick<Plug, 'name' | 'source'>): Promise<void>;
  /**
   * After: a veth pair, its host end a port of its bridge; its other end is in the host's namespace, under
   * `peer`, until an Engine moves it into a container. Undone by `unplug`. Repeating it before that changes nothing.
   * @throws not-found without the bridge; unsupported where there is no kernel
   */
  lend(loan: Loan): Promise<void>;
  /** After: the host has the address, on a device of this node's that is there whatever networks there are. */
  ensureHostAddress(address: string): Promise<void>;
  /** Makes these the sandbox's default routes; undefined takes that family's route away. */
  setDefaultRoutes(sandboxId: string, routes: DefaultRoutes): Promise<void>;

  /**
   * Replaces this node's whole firewall, unless `partial`, in one transaction. Equal rules cost nothing. Forwarding of
   * a family is on while a network needs it. Where it was off before, it stays so for everybody else, and goes off again.
   */
  applyFirewall(rules: Firewall): Promise<void>;

  /**
   * What of this host, and not of ours, keeps packets from the networks of the firewall applied last: each in one line,
   * with what to type against it.
   */
  obstacles(): Promise<readonly string[]>;

  /**
   * Keeps programs of the host off the port as long as this process lives, and relays to the target what rules
   * cannot redirect: `[::1]`, and IPv6 to a sandbox without it. Holding it again sets the target anew.
   * @throws conflict when a program has the port; unsupported when the host has no such address
   */
  holdPort(port: PublishedPort, target?: PortTarget): Promise<void>;
  releasePort(port: PublishedPort): Promise<void>;

  /** Everything this node has made, for finding orphans. */
  owned(): Promise<Owned>;
  /**
   * What is there of this node's, for comparison with what should be: nothing is changed. Of the sandboxes, those
   * that are named. Where the firewall differs from the rules applied last, the next `applyFirewall` writes it anew.
   */
  survey(sandboxIds: readonly string[]): Promise<Survey>;
  /** Subnets that routes of the host lie in (CIDR), so that no pool is chosen on top of one. */
  hostSubnets(): Promise<readonly string[]>;

  /**
   * Would (simulated) or does (linux: a real echo request or connect) `from` reach the address? A path is that of a
   * network namespace that is none of our sandboxes.
   */
  reach(fromSandbox: string, to: ReachTarget): Promise<Reachability>;

  /** For kernels' sake: puts the whole owned state away. Used when a daemon is asked to leave nothing behind. */
  close(): Promise<void>;
}

/** The sandbox id that stands for the host's own network stack. */
export const hostSandbox = 'host';

export interface BridgeSpec {
  /** At most 15 characters (IFNAMSIZ). */
  readonly name: string;
  /** Gateway addresses with prefix length. */
  readonly addresses: readonly string[];
  /** Bytes. */
  readonly mtu: number;
  /** Fixed MAC; absent: the kernel chooses. */
  readonly mac?: string;
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

export interface Plug {
  /** The interface's name inside the sandbox: `eth0`. */
  readonly name: string;
  readonly source: InterfaceSource;
  /** With prefix length. */
  readonly addresses: readonly string[];
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly routes?: readonly StaticRoute[];
  /** The sandbox may send from any MAC and address; see `HostEnd`. */
  readonly anySource?: boolean;
}

/** Where an interface comes from; decided by a driver, carried out here. */
export type InterfaceSource =
  /** A veth pair, its host end `hostName` in `bridge`. */
  | { readonly kind: 'veth'; readonly hostName: string; readonly bridge: string }
  /** An interface that a remote driver made in the host's namespace; it is moved. */
  | { readonly kind: 'existing'; readonly hostName: string };

/** An interface for a container of an Engine, which gives it its name and addresses. */
export interface Loan {
  readonly source: Extract<InterfaceSource, { kind: 'veth' }>;
  /** At most 15 characters (IFNAMSIZ). */
  readonly peer: string;
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** What its container may send from; absent: anything. */
  readonly end?: HostEnd;
}

/**
 * What a sandbox may send by its interface: nothing reaches a bridge that has another source MAC or address, or that
 * claims one in ARP or neighbour discovery. Without addresses or a MAC that are known there is nothing to hold it to.
 */
export interface HostEnd {
  readonly hostName: string;
  /** Ends of one sandbox may send from each other's addresses: an answer leaves by the route, not by where it is asked. */
  readonly sandbox: string;
  readonly mac: string;
  /** With or without prefix length. */
  readonly addresses: readonly string[];
}

export interface StaticRoute {
  /** CIDR */
  readonly destination: string;
  /** Absent: directly connected. */
  readonly nextHop?: string;
}

export interface DefaultRoutes {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/** The node's firewall as a value; order does not matter. */
export interface Firewall {
  readonly networks: readonly NetworkRules[];
  /** No two of the same protocol, address and port. */
  readonly ports?: readonly PortRule[];
  /** Underlay addresses of the other living nodes: only they may send to tunnel ports. */
  readonly nodes?: readonly string[];
  /** Nodes that an earlier process has let in may send on: they may be about to come back. */
  readonly spareNodes?: boolean;
  /** Interfaces that are there, beside those that `plug` and `lend` have been told of. */
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
  /** What goes by that port without IPsec is dropped, also where the kernel's policies do not hold (`lo`). */
  readonly encrypted?: boolean;
  /** Its containers may send from any MAC and address; see `HostEnd`. */
  readonly anySource?: boolean;
}

export interface Owned {
  /** The first 12 digits of their ids, which `removeSandbox` takes as well. */
  readonly sandboxes: readonly string[];
  readonly bridges: readonly string[];
  /** Host ends of veth pairs. */
  readonly interfaces: readonly string[];
  readonly vxlans: readonly string[];
}

/** As found; addresses canonical, MACs in lower case. */
export interface Survey {
  readonly bridges: readonly (BridgeSpec & { readonly up: boolean })[];
  readonly vxlans: readonly (VxlanSpec & { readonly up: boolean })[];
  /** Host ends of veth pairs, and the bridges they are in. */
  readonly hostEnds: readonly { readonly name: string; readonly bridge?: string; readonly up: boolean }[];
  /** Those that are there, in the order they were asked for; `id` as asked. */
  readonly sandboxes: readonly SurveyedSandbox[];
  /** Lines of the packet filter, in words of its own. */
  readonly firewall: { readonly missing: readonly string[]; readonly surplus: readonly string[] };
}

export interface SurveyedSandbox {
  readonly id: string;
  /** All but `lo`. */
  readonly interfaces: readonly {
    readonly name: string;
    /** With prefix length, link-local ones left out. */
    readonly addresses: readonly string[];
    readonly mac?: string;
    readonly up: boolean;
  }[];
  readonly routes: DefaultRoutes;
}

export interface ReachTarget {
  readonly address: string;
  /** Absent: ICMP echo. */
  readonly port?: { readonly protocol: 'tcp' | 'udp'; readonly port: number };
}

export interface Reachability {
  readonly reachable: boolean;
  /** The hops of the path, in words: `eth0`, `fl3a…-foo (bridge)`, `eth0 of c1`. Empty when unknown. */
  readonly path: readonly string[];
  /** Why not, in one line. */
  readonly reason?: string;
}
