/** Interfaces of containers that lie on one of the host's, by these kinds of device. */
export type StackedType = 'macvlan' | 'ipvlan';

/** A device that this node makes for a network to lie on. */
export type ParentSpec =
  /** Nothing is behind it. */
  | { readonly kind: 'isolated'; readonly name: string }
  /** An 802.1q sub-interface: its frames leave by `parent` with the tag `id`. */
  | { readonly kind: 'vlan'; readonly name: string; readonly parent: string; readonly id: number };

/** An interface of the host as a network could lie on it. */
export interface ParentLink {
  readonly loopback: boolean;
  /** Bytes. */
  readonly mtu: number;
  /** This node has made it. */
  readonly own: boolean;
}

/** Interfaces of the host that networks lie on. */
export interface Parents {
  /** Undefined: the host has none of this name. Changes nothing. */
  parentLink(name: string): Promise<ParentLink | undefined>;
  /** Why this kernel has no such devices, in one line; undefined: it has. Found out by making one, in a namespace that goes. */
  lacks(kind: StackedType | ParentSpec['kind']): Promise<string | undefined>;
  /**
   * After: the device is there, and up. One that this node has not made is left as it is. Undone by `removeBridge`, which
   * leaves that one too. @throws not-found without its parent; unsupported
   */
  ensureParent(spec: ParentSpec): Promise<void>;
}
