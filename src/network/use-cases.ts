import type { Network } from '../cluster/records.ts';
import { Attachments } from './containers/attachments.ts';
import { Containers } from './containers/containers.ts';
import { OwnConverger } from './containers/converge.ts';
import { DefaultLinks } from './containers/default-links.ts';
import { Interfaces } from './containers/interfaces.ts';
import { Starter } from './containers/start.ts';
import type { NetworkContext } from './context.ts';
import type { EndpointStore } from './endpoints/store.ts';
import type { Fact } from './host/facts.ts';
import { PublishedPorts } from './host/published-ports.ts';
import type { Containers as ContainersContract, Naming } from './model.ts';
import { Networks } from './networks/networks.ts';
import type { EnginePlugin } from './plugin/plugin.ts';
import { type LocalClaims, ownClaims } from './reconcile/local-claims.ts';
import type { ServiceBackends } from './services/services.ts';
import { Standby } from './standby/standby.ts';

/** What differs with who runs the containers. */
export interface UseCases {
  readonly networks: Networks;
  readonly containers: ContainersContract;
  readonly attachments: ServiceBackends & {
    setAliases(containerId: string, naming: Naming, on: (network: Network) => boolean): Promise<void>;
  };
  readonly claims: LocalClaims;
  /** What an Engine asks of us; absent where there is none. */
  readonly plugin?: EnginePlugin;
  /** For the doctor: what should be so at the Engine, and is not. */
  facts?(): readonly Fact[];
  /** After the first reconcile: from now on changes are followed. `reconcile` asks for another one. */
  begin(reconcile: () => void): void;
  close(): Promise<void>;
}

/** The use cases where the daemon itself runs the containers. */
export function ownUseCases(parts: NetworkContext, endpoints: EndpointStore): UseCases {
  const networks = new Networks(parts);
  const interfaces = new Interfaces(parts, endpoints);
  const converger = new OwnConverger(parts, networks, endpoints, interfaces, new PublishedPorts(parts));
  const attachments = new Attachments(parts, networks, endpoints, converger);
  const links = new DefaultLinks(parts, networks, converger);
  const starter = new Starter(parts, networks, converger, links);
  const containers = new Containers(parts, networks, converger, starter, attachments, links);
  // Those that end during the first reconcile are told of as well.
  containers.watchExits();
  const standby = new Standby(parts, converger);
  return {
    networks,
    containers,
    attachments,
    claims: ownClaims(parts, converger),
    begin() {
      containers.beginRestarts();
      standby.begin();
    },
    close: async () => {
      containers.close();
      await standby.close();
    },
  };
}
