import type { Endpoint, Network, Port, Scope } from '../src/cluster/records.ts';
import type { Association } from '../src/dataplane/associations.ts';
import type { NetworkRules } from '../src/dataplane/firewall.ts';
import type { BridgeSpec, InterfaceSource, StaticRoute } from '../src/dataplane/links.ts';
import type { ParentSpec } from '../src/dataplane/parents.ts';
import type { TunnelEntries, VxlanSpec } from '../src/dataplane/tunnels.ts';

/**
 * The contract of a network driver. Methods take values and return values; every method may be repeated;
 * a driver keeps no store of its own and never changes a record. What a driver wants done inside a
 * sandbox it returns from `join`; src/network/containers/interfaces.ts carries it out, and beside an Engine
 * src/network/plugin hands it to that.
 */
export interface Driver {
  readonly name: string;
  /** Of its networks. A function: it is a plugin's to say. It throws not-found when there is no such plugin. */
  readonly scope: Scope | (() => Promise<Scope>);
  /** Containers get addresses on its networks; false for null and host. */
  readonly addressed: boolean;
  /** Chooses the MACs of endpoints that were asked for without one; else they derive from the address. */
  readonly givesMacs?: boolean;
  /** With `--ipam-driver null` it may give endpoints addresses (`JoinResult.assigned`). */
  readonly givesAddresses?: boolean;
  /** This host routes nothing of its networks: their subnets may overlap those of others. */
  readonly routesElsewhere?: boolean;
  /** Publishes the ports of the host that `JoinPlace` names; else the data plane does. */
  readonly publishesPorts?: boolean;
  /**
   * Its containers are neighbours of machines behind an interface of the host, and not of the host: the gateway is
   * another's, and names are answered inside the sandbox.
   */
  readonly apartFromHost?: boolean;
  /** A network's gateway address may be on another host, or on none: DNS listens on those that this host has. */
  readonly foreignGateways?: boolean;
  /**
   * Keeps state of each endpoint until `leave`, whatever happens to the interface and to this daemon: what a crash left
   * has to be left, and an interface that has gone is made again only by a `join` after a `leave`.
   */
  readonly keepsEndpoints?: boolean;
  /** At most one network of this driver can exist (null, host). */
  readonly single: boolean;

  /**
   * Changes nothing. Checks the options of a network about to be created, and whether this host can have it.
   * @throws invalid | forbidden | unsupported
   */
  validate(network: Network, others: readonly Network[]): void | Promise<void>;

  /**
   * Present: each network needs a VXLAN network identifier, which is taken in the store when the network is
   * created. Pure. Returns the one that the options name; undefined: any free one will do. @throws invalid
   */
  wantedVni?(options: Network['options']): number | undefined;

  /**
   * Before: the record is committed. After: this node can have endpoints on the network.
   * Undone by `removeNetwork`.
   * @param fresh it has just been created: no driver on any host has had it before
   */
  ensureNetwork(network: Network, fresh?: boolean): Promise<void>;
  /** Before: no endpoint of this node is on it. After: nothing of it is left on this node. */
  removeNetwork(network: Network): Promise<void>;

  /**
   * Before: `ensureNetwork` has been done and the endpoint has its addresses. Returns what to put into the
   * sandbox; nothing is in a sandbox yet. Undone by `leave`.
   */
  join(network: Network, endpoint: Endpoint, place?: JoinPlace): Promise<JoinResult>;
  /** After: nothing of the endpoint is left outside its sandbox. */
  leave(network: Network, endpoint: Endpoint): Promise<void>;

  /** What the network needs of the node's firewall; absent for drivers that need nothing. Pure. */
  firewall?(network: Network): NetworkRules | undefined;

  /**
   * Before: `ensureNetwork` has been done. After: exactly these endpoints on other nodes are programmed,
   * whatever was before. With `spare`, entries of endpoints that are in no record (yet) stay, but for those that
   * stand against `spare.except`. Overlay only. @throws not-found when the network's device has gone
   */
  setPeers?(network: Network, peers: readonly Peer[], spare?: Spare): Promise<void>;

  /**
   * After: the driver knows these nodes, and no others: a plugin of global scope finds its way to them by itself. In
   * one life a plugin is given the same nodes once. @throws unavailable, and is to be given them again then
   */
  setNodes?(nodes: readonly KnownNode[]): Promise<void>;

  /** What `ensureNetwork` and `setPeers` must have left in the kernel, for comparison. */
  expected?(network: Network, peers: readonly Peer[]): Promise<ExpectedDevices>;

  /** Names of this driver's own kernel interfaces for the network; what is owned but not named is an orphan. */
  interfaces?(network: Network): readonly string[];
}

/** What a plugin is told of the container beside its endpoint. */
export interface JoinPlace {
  /** Path of the namespace. */
  readonly sandboxPath: string;
  /** Of `--driver-opt` for this endpoint. */
  readonly options: Readonly<Record<string, string>>;
  /** The ports of the host that are asked for. */
  readonly ports: readonly WantedBinding[];
}

export interface WantedBinding extends Port {
  /** Of the host; absent: all. */
  readonly address?: string;
  /** The host's port is one of these, both included; absent: any. */
  readonly range?: { readonly first: number; readonly last: number };
}

export interface ExpectedDevices {
  readonly bridges: readonly BridgeSpec[];
  readonly vxlans: readonly (VxlanSpec & { readonly entries: TunnelEntries })[];
  readonly parents?: readonly ParentSpec[];
  /** What encrypts them; networks share these. Absent: they are plain. */
  readonly associations?: readonly Association[];
}

export interface JoinResult {
  /** Absent: the container gets no interface from this network. */
  readonly interface?: {
    readonly source: InterfaceSource;
    /** `eth`: the container's interface is the next free `ethN`. */
    readonly namePrefix: string;
    /** Exactly this one instead. */
    readonly name?: string;
    readonly mtu?: number;
    readonly mac?: string;
  };
  /** Where the default route goes when this network provides it. */
  readonly gateway?: string;
  readonly gateway6?: string;
  readonly routes: readonly StaticRoute[];
  /** What the driver chose that the endpoint did not have: belongs into its record. Addresses with prefix length. */
  readonly assigned?: Pick<Endpoint, 'ipv4' | 'ipv6' | 'mac'>;
}

export interface Spare {
  /** This node's own endpoints on the network. */
  readonly except: readonly Endpoint[];
}

/** A living node that shares the KV store. */
export interface KnownNode {
  /** That other nodes reach it at. */
  readonly address: string;
  readonly self: boolean;
}

/** An endpoint on another node. */
export interface Peer {
  readonly endpoint: Endpoint;
  /** The underlay address of its node. */
  readonly via: string;
  /** What its node makes keys of; absent: it takes part in no encrypted network yet. */
  readonly secret?: string;
}
