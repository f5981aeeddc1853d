import type { ReadyAnswer } from '../wire/answer.ts';
import type { Zone } from './zone.ts';

/** What one asker can see, and the answers made for it so far. Valid until one of its zones is swapped. */
export interface View {
  /** The host sees every network, but only names that say which (`SERVICE.NETWORK`). */
  readonly kind: 'container' | 'host';
  /** In the order in which they are searched. */
  readonly zones: readonly Zone[];
  /**
   * Whether names that are not ours are asked upstream. Not for who is on internal networks only: a question carries
   * whatever it likes to the server that it is meant for (CVE-2024-29018).
   */
  readonly hasWayOut: boolean;
  /** Who asks, if it has names of its own for others: only it sees them. */
  readonly linkedAs?: string;
  readonly ready: Map<string, ReadyAnswer | 'forward'>;
}
