import { defaultVxlanPort } from '../../../drivers/overlay/device.ts';
import { NodeLease } from '../../cluster/node-lease.ts';
import type { NodeRecord } from '../../cluster/records.ts';
import { isBridgeName } from '../../dataplane/names.ts';
import { FairleadError } from '../../lib/errors.ts';
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
    ...(config.vxlanPort === defaultVxlanPort ? {} : { vxlanPort: config.vxlanPort }),
  };
  const nodeLease = new NodeLease(directory, self, config.leaseTtlSeconds, log, clock);
  opened.push('node lease', () => nodeLease.close());
  await nodeLease.start();
  requireSamePort(self, directory.nodes());
  return nodeLease;
}

/** Two that do not listen where the other sends would have networks that carry nothing. @throws invalid */
function requireSamePort(self: NodeRecord, nodes: readonly NodeRecord[]): void {
  const port = ({ vxlanPort = defaultVxlanPort }: NodeRecord) => vxlanPort;
  const other = nodes.find((node) => node.id !== self.id && port(node) !== port(self));
  if (!other) return;
  throw new FairleadError(
    'invalid',
    `--vxlan-port ${port(self)}: node ${other.name} has ${port(other)}, and all nodes must have the same; to change it, ` +
      'stop every daemon, then start them with the new port',
  );
}
