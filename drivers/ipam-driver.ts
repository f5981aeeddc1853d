/**
 * The contract of an address manager that is not our own (`--ipam-driver`). It chooses; who holds which
 * address is in our records, and each is given back once. Every method may fail with `unavailable`.
 */
export interface IpamDriver {
  readonly name: string;
  /** What it says of itself. `patient` false: one short try. @throws not-found when there is no such plugin; internal when it cannot be used */
  facts(options?: { readonly patient?: boolean }): Promise<IpamFacts>;
  /** Another one after each restart of it; undefined: it is not there. */
  life(): Promise<string | undefined>;
  requestPool(request: PoolRequest): Promise<GivenPool>;
  /** @returns the address with prefix length */
  requestAddress(poolId: string, request: AddressRequest): Promise<string>;
  releaseAddress(poolId: string, address: string): Promise<void>;
  /** Before: all its addresses are given back. */
  releasePool(poolId: string): Promise<void>;
}

export interface IpamFacts {
  /** Address spaces that networks of the two scopes are in. */
  readonly local: string;
  readonly global: string;
  /** It wants to know the MAC that an address is for. */
  readonly requiresMac: boolean;
  /** It forgets, and is to be told again what is in use. */
  readonly requiresReplay: boolean;
}

export interface PoolRequest {
  readonly addressSpace: string;
  /** CIDR; empty: it chooses. */
  readonly subnet: string;
  /** CIDR; empty: all of the subnet. */
  readonly ipRange: string;
  readonly options: Readonly<Record<string, string>>;
  readonly v6: boolean;
}

export interface GivenPool {
  readonly id: string;
  /** CIDR */
  readonly subnet: string;
  /** Address with prefix length that it has set aside for the gateway. */
  readonly gateway?: string;
}

export interface AddressRequest {
  /** Without prefix length; empty: it chooses. */
  readonly address: string;
  readonly purpose: 'gateway' | 'auxiliary' | 'endpoint';
  readonly mac?: string;
}
