import type { Check, Write } from '../../../kvstore/store.ts';

/** An address that was chosen and is to be taken by the commit that holds its check and writes. */
export interface Claim {
  /** With prefix length. */
  readonly cidr: string;
  readonly checks: readonly Check[];
  readonly writes: readonly Write[];
  /** Call when the commit did not come about. `taken`: because somebody else has the address. */
  readonly abandon: (taken: boolean) => void;
  /** What an IPAM plugin was told that the address is for. */
  readonly mac?: string;
}
