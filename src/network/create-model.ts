import type { Driver } from '../../drivers/driver.ts';
import type { IpamDriver } from '../../drivers/ipam-driver.ts';
import type { Directory } from '../cluster/directory.ts';
import type { Membership } from '../cluster/membership.ts';
import type { Network } from '../cluster/records.ts';
import type { Runtime } from '../container/runtime.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { ListenerStatus } from '../dns/listeners.ts';
import { EventBus } from '../lib/events.ts';
import { Gate } from '../lib/gate.ts';
import type { Logger } from '../lib/log.ts';
import { SerialQueue } from '../lib/serial-queue.ts';
import { Aliases, type Naming } from './aliases.ts';
import { Attachments } from './attachments.ts';
import { Connections } from './connections.ts';
import { Containers } from './containers.ts';
import { createDoctor } from './doctor/doctor.ts';
import { EndpointRecords } from './endpoint-records.ts';
import { HostNetworks } from './host-networks.ts';
import { Ipam } from './ipam.ts';
import type { Model } from './model.ts';
import { Networks } from './networks.ts';
import { Participation } from './participation.ts';
import type { ModelSettings, Parts } from './parts.ts';
import { Peers } from './peers.ts';
import { Places } from './places.ts';
import { portRules } from './port-rules.ts';
import { PublishedPorts } from './published-ports.ts';
import { Reconciler } from './reconcile.ts';
import { RemoteIpam } from './remote-ipam.ts';
import { Services } from './services.ts';
import { Starter } from './starter.ts';

export interface ModelDeps {
  /** Ready, and the membership started. */
  readonly directory: Directory;
  readonly membership: Membership;
  /** Recovered. */
  readonly runtime: Runtime;
  readonly dataplane: Dataplane;
  readonly driverNamed: (name: string) => Driver;
  /** IPAM plugins; undefined for `default` and `null`. */
  readonly ipamNamed: (name: string) => IpamDriver | undefined;
  readonly settings: ModelSettings;
  readonly log: Logger;
  /** Told which networks are set up on this host, so that DNS can listen on their gateways. */
  readonly onHostNetworks: (networks: readonly Network[]) => void;
  /** Where DNS listens, for the doctor. */
  readonly listeners?: () => readonly ListenerStatus[];
}

export interface RunningModel extends Model {
  /** Makes kernel and records match now, as is done every minute. */
  reconcile(): Promise<void>;
  /** Replaces a container's aliases, and how DNS answers for them, on the networks that `on` selects, which it does not leave for that. */
  setAliases(containerId: string, naming: Naming, on: (network: Network) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Puts the use cases together and brings kernel and records in line before it returns. */
export async function createModel(deps: ModelDeps): Promise<RunningModel> {
  const { directory, membership, dataplane, driverNamed, log } = deps;
  const driverOf = (network: Network) => driverNamed(network.driver);
  const graceMs = membership.ttlSeconds * 1000;
  const peers = new Peers({ directory, nodeId: membership.self.id, driverOf, log, graceMs });
  const parts: Parts = {
    ...deps,
    hostNetworks: new HostNetworks({
      dataplane,
      driverOf,
      ports: (networks) => portRules(deps.runtime.list(), networks, driverOf),
      onChange: deps.onHostNetworks,
      onSetUp: ({ id }) => peers.refresh(id),
    }),
    ipam: new Ipam(directory, membership.self.id, new RemoteIpam(directory, deps.ipamNamed, log)),
    events: new EventBus(),
    queue: new SerialQueue(),
    gate: new Gate(),
  };
  const networks = new Networks(parts);
  const records = new EndpointRecords(parts);
  const participation = new Participation(parts, peers);
  const attachments = new Attachments(parts, records, participation);
  const places = new Places(parts, attachments, new PublishedPorts(parts));
  const starter = new Starter(parts, networks, attachments, places);
  const connections = new Connections(parts, networks, attachments, places);
  const containers = new Containers(parts, networks, places, starter, connections);
  const services = new Services(parts, networks, containers, connections);
  const reconciler = new Reconciler(parts, networks, places, attachments, participation);
  const aliases = new Aliases(parts, networks, places);
  const doctor = createDoctor({
    parts,
    peers,
    listeners: deps.listeners ?? (() => []),
    repair: async () => {
      await reconciler.run({ thorough: true });
      await peers.programAll();
    },
  });
  containers.watchExits();
  membership.onJoined(() => reconciler.run({ sweepAll: true }));
  await reconciler.run({ sweepAll: true });
  await membership.announce();
  reconciler.start();
  containers.beginRestarts();
  return {
    networks,
    services,
    containers,
    doctor,
    events: parts.events,
    nodes: () => directory.nodes(),
    reconcile: () => reconciler.run(),
    setAliases: (containerId, naming, on) => aliases.replace(containerId, naming, on),
    close: async () => {
      containers.close();
      await reconciler.close();
      records.close();
      await peers.close();
    },
  };
}
