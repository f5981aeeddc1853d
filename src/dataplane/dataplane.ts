import type { PacketFilter } from './firewall.ts';
import type { Inspection } from './inspection.ts';
import type { Links } from './links.ts';
import type { Parents } from './parents.ts';
import type { Sandboxes } from './sandboxes.ts';
import type { Tunnels } from './tunnels.ts';

/**
 * What moves packets, or computes where they would go. Two implementations: linux/ (iproute2, nftables, named network
 * namespaces) and simulated.ts (a model in memory). Take the role that you need; only a composition root takes all.
 *
 * Every `ensure…` compares and changes only what differs; every method may be repeated; `remove…` of what
 * is absent is no error. Kernel objects carry this node's tag in their names (src/dataplane/names.ts):
 * `owned()` lists them and nothing else, so that objects of others, another Fairlead included, are never touched.
 */
export interface Dataplane extends Sandboxes, Links, Parents, Tunnels, PacketFilter, Inspection {
  readonly kind: 'linux' | 'simulated';
  /** Puts the whole owned state away. Used when a daemon is asked to leave nothing behind. */
  close(): Promise<void>;
}
