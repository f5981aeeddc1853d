import { NodeLease } from '../../cluster/node-lease.ts';
import { isBridgeName } from '../../dataplane/names.ts';
import { timestamp } from '../../lib/time.ts';
import { version } from '../../lib/version.ts';
import { chooseAdvertise } from '../advertise.ts';
import { isOfDocker } from '../engine-mode.ts';
import type { OpenedStores } from './open-stores.ts';
import type { Start } from './start.ts';

/** After: this node has its lease, or asks for it while the KV store is away. */
export async function joinCluster(
  { config, platform, log, opened }: Start,
  { identity: { nodeId, tag }, directory }: OpenedStores,
): Promise<NodeLease> {
  const { clock } = platform;
  const advertise = chooseAdvertise(config.advertise, (name) => isBridgeName(tag, name) || isOfDocker(name));
  const self = {
    id: nodeId,
    name: config.nodeName,
    version,
    started: timestamp(clock.now()),
    ...(advertise ? { advertise } : {}),
  };
  const nodeLease = new NodeLease(directory, self, config.leaseTtlSeconds, log, clock);
  opened.push('node lease', () => nodeLease.close());
  await nodeLease.start();
  return nodeLease;
}
