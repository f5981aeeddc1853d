/** A security association (RFC 4301) for datagrams from one host to another: ESP in transport mode, AES-256-GCM. */
export interface Association {
  readonly source: string;
  readonly destination: string;
  /** 256 to 4294967295; unique at the destination. */
  readonly spi: number;
}

export interface KeyedAssociation extends Association {
  /** Key and salt of RFC 4106, 36 bytes in hex. */
  readonly key: string;
}

export interface AssociationChanges {
  readonly add: readonly KeyedAssociation[];
  readonly remove: readonly Association[];
}
