import type { Network } from '../cluster/records.ts';
import { Aliases, type Naming } from './aliases.ts';
import type { Attachments } from './attachments.ts';
import { Connections } from './connections.ts';
import { Containers } from './containers.ts';
import { DefaultLinks } from './default-links.ts';
import type { EnginePlugin } from './engine/plugin.ts';
import { type Holdings, ownHoldings } from './holdings.ts';
import type { Containers as ContainersContract } from './model.ts';
import { Networks } from './networks.ts';
import type { Parts } from './parts.ts';
import { Places } from './places.ts';
import { PublishedPorts } from './published-ports.ts';
import { Starter } from './starter.ts';

/** What differs with who runs the containers. */
export interface UseCases {
  readonly networks: Networks;
  readonly containers: ContainersContract;
  readonly connections: Pick<Connections, 'attach' | 'detach' | 'evict'>;
  readonly holdings: Holdings;
  /** What an Engine asks of us; absent where there is none. */
  readonly plugin?: EnginePlugin;
  readonly setAliases: (
    containerId: string,
    naming: Naming,
    on: (network: Network) => boolean,
  ) => Promise<void>;
  /** After the first reconcile: from now on changes are followed. `reconcile` asks for another one. */
  begin(reconcile: () => void): void;
  close(): Promise<void>;
}

/** The use cases where the daemon itself runs the containers. */
export function ownUseCases(parts: Parts, attachments: Attachments): UseCases {
  const networks = new Networks(parts);
  const places = new Places(parts, attachments, new PublishedPorts(parts));
  const links = new DefaultLinks(parts, networks, places);
  const starter = new Starter(parts, networks, attachments, places, links);
  const connections = new Connections(parts, networks, attachments, places);
  const containers = new Containers(parts, networks, places, starter, connections, links);
  const aliases = new Aliases(parts, networks, places);
  // Those that end during the first reconcile are told of as well.
  containers.watchExits();
  return {
    networks,
    containers,
    connections,
    holdings: ownHoldings(parts, places),
    setAliases: (id, naming, on) => aliases.replace(id, naming, on),
    begin: () => containers.beginRestarts(),
    close: async () => containers.close(),
  };
}
