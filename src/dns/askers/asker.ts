import type { View } from '../names/view.ts';
import type { Upstream } from './resolv-conf.ts';
import type { Claimant } from './shares.ts';

/** Who asks, as its address says. */
export interface Asker {
  readonly view: View;
  readonly claimant: Claimant;
  /** Absent: the daemon's. Its own as far as it may ask them; there may be none. */
  readonly servers?: readonly Upstream[];
}

/** Whether anybody may be asked, on its behalf, for what is no name of ours. */
export function mayForward({ view, servers }: Asker): boolean {
  return servers ? servers.length > 0 : view.hasWayOut;
}
