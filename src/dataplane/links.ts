import type { StackedType } from './parents.ts';

/** Bridges, and the interfaces of sandboxes. */
export interface Links {
  /**
   * After: a bridge with these addresses, up. Addresses that the spec does not name are taken off. It takes no router
   * advertisement and no redirect, from before it is up, and has IPv6 only with such an address.
   */
  ensureBridge(bridge: BridgeSpec): Promise<void>;
  removeBridge(name: string): Promise<void>;

  /**
   * Puts the interface into the sandbox under `name`, with its addresses and MAC, up; IPv6 is off on it unless it has
   * such an address. No frame with another source than a veth's MAC and addresses reaches the bridge (`HostEnd`)
   * unless `anySource`. Undone by `unplug`. Repeating it repairs; it never adds a second one.
   * @throws invalid for a sysctl that the kernel does not have, or a value that it does not take
   */
  plug(sandboxId: string, plug: Plug): Promise<void>;
  /**
   * After: neither end of the interface exists (or, for `existing`, it is back in the host's namespace).
   * A veth is found by its host end alone, whatever the sandbox, a stacked one in its sandbox by its alias.
   */
  unplug(sandboxId: string, plug: Pick<Plug, 'name' | 'source'>): Promise<void>;
  /**
   * After: neighbours know which MAC the plugged interface's addresses have (gratuitous ARP, unsolicited neighbour
   * advertisement). `plug` does so itself; who moves an address to an interface that is there does it afterwards.
   */
  announce(sandboxId: string, plug: Pick<Plug, 'name' | 'source' | 'mac'>): Promise<void>;
  /**
   * After: a veth pair, its host end a port of its bridge; its other end is in the host's namespace, under
   * `peer`, until an Engine moves it into a container. Undone by `unplug`. Repeating it before that changes nothing.
   * @throws not-found without the bridge; unsupported where there is no kernel
   */
  ensureDetachedVeth(veth: DetachedVeth): Promise<void>;
  /** After: the host has the address, on a device of this node's that is there whatever networks there are. */
  ensureHostAddress(address: string): Promise<void>;
  /** After: what asks `innerResolver` in the sandbox, on port 53, comes to this port there. */
  redirectNames(sandboxId: string, port: number): Promise<void>;
  /**
   * After: the host has an on-link route of the lowest preference to each of these (IPv4, CIDR), by the device of
   * `ensureHostAddress`, and by it no others. Where a network is set up its bridge's own route goes before; elsewhere
   * whoever looks for a pool that is free on this host, as an Engine does, passes them over.
   */
  reserveSubnets(subnets: readonly string[]): Promise<void>;
  /** Makes these the sandbox's default routes; undefined takes that family's route away. */
  setDefaultRoutes(sandboxId: string, routes: DefaultRoutes): Promise<void>;
}

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
  /** Of this interface in its sandbox. Not of an existing one. */
  readonly sysctls?: readonly PlugSysctl[];
}

/** `/proc/sys/net/FAMILY/TABLE/INTERFACE/NAME`; each a word of letters, digits and `_`. */
export interface PlugSysctl {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly value: string;
}

/** Where an interface comes from; decided by a driver, carried out here. */
export type InterfaceSource =
  /** A veth pair, its host end `hostName` in `bridge`. */
  | { readonly kind: 'veth'; readonly hostName: string; readonly bridge: string }
  /** An interface that a remote driver made in the host's namespace; it is moved. */
  | { readonly kind: 'existing'; readonly hostName: string }
  /** A device on an interface of the host, made in the sandbox; `hostName` is its alias there, and no device of the host. */
  | {
      readonly kind: 'stacked';
      readonly hostName: string;
      readonly parent: string;
      readonly type: StackedType;
      readonly mode: string;
      readonly flag?: string;
    };

/** An interface for a container of an Engine, which gives it its name and addresses. */
export interface DetachedVeth {
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
  /** The interface on whose link `ipv6` is; needed where that is a link-local address. */
  readonly interface6?: string;
}
