import { Topology } from '../../cluster/topology/topology.ts';
import type { OpenedStores } from './open-stores.ts';
import type { Start } from './start.ts';

/** The cluster as those see it who look at it; from here on this node remembers which nodes were lost. */
export function openTopology(
  { config, platform, log, opened }: Start,
  { directory, identity: { nodeId } }: OpenedStores,
): Topology {
  const graceMs = config.leaseTtlSeconds * 1000;
  const topology = new Topology({ directory, nodeId, graceMs, log, clock: platform.clock });
  opened.push('topology', () => topology.close());
  return topology;
}
