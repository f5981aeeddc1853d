import type { Store } from '../../../kvstore/store.ts';
import type { Clock } from '../../lib/clock.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { folders } from '../keys.ts';
import {
  type Candidate,
  candidateSchema,
  type Network,
  type NodeRecord,
  networkSchema,
  nodeSchema,
  type Service,
  serviceSchema,
} from '../records.ts';
import { type Linger, WatchedFolder } from './watched-folder.ts';

/** What every node knows of a store, whatever it takes part in. */
export interface ObjectLists {
  readonly networks: WatchedFolder<Network>;
  readonly services: WatchedFolder<Service>;
  readonly nodes: WatchedFolder<NodeRecord>;
  /** Few services have any, so all nodes may know all of them. */
  readonly candidates: WatchedFolder<Candidate>;
}

export interface ListListeners {
  readonly onNetworks: (networkIds: ReadonlySet<string>) => void;
  readonly onNodes: (nodeIds: ReadonlySet<string>) => void;
  /** For how long networks and services that a snapshot lacks are shown on; see WatchedFolder. */
  readonly afterGap: (prefix: string) => Promise<Linger<unknown>>;
  /** Whether leases of living nodes may have ended. */
  readonly doubts: () => boolean;
}

export interface ListOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly clock: Clock;
  readonly graceMs: number;
}

export function watchLists(common: ListOptions, listeners: ListListeners): ObjectLists {
  const { onNetworks, onNodes, afterGap, doubts } = listeners;
  return {
    networks: new WatchedFolder({
      ...common,
      prefix: folders.networks,
      schema: networkSchema,
      onChange: (changed) => onNetworks(new Set(changed.map(({ id }) => id))),
      afterGap: () => afterGap(folders.networks),
    }),
    services: new WatchedFolder({
      ...common,
      prefix: folders.services,
      schema: serviceSchema,
      onChange: (changed) => onNetworks(new Set(changed.map(({ networkId }) => networkId))),
      afterGap: () => afterGap(folders.services),
    }),
    nodes: new WatchedFolder({
      ...common,
      prefix: folders.nodes,
      schema: nodeSchema,
      onChange: (changed) => onNodes(new Set(changed.map(({ id }) => id))),
      // A node whose lease was lost by the store, and not by the node's death, comes again with a new one.
      afterGap: async () => () => common.graceMs,
      doubts,
    }),
    // One that only seems to be there makes the next in line a little slower; one that is missed lets two try at once.
    candidates: new WatchedFolder({
      ...common,
      prefix: folders.candidates,
      schema: candidateSchema,
      onChange: (changed) => onNetworks(new Set(changed.map(({ networkId }) => networkId))),
    }),
  };
}

/** How long to wait for the lists of a store that answers, in milliseconds. */
const listedMs = 10_000;

/** @throws unavailable when the store does not tell what it has */
export async function listed(
  { networks, services, nodes, candidates }: ObjectLists,
  store: Store,
): Promise<void> {
  const all = Promise.all([networks.ready, services.ready, nodes.ready, candidates.ready]);
  if (await withTimeout(all, listedMs)) return;
  const { name } = store.status();
  throw new FairleadError('unavailable', `kv store ${name} gave no answer in ${listedMs / 1000} s`);
}
