import type { Driver } from '../../drivers/driver.ts';
import type { IpamDriver } from '../../drivers/ipam-driver.ts';
import type { Directory } from '../cluster/directory.ts';
import type { NodeLease } from '../cluster/node-lease.ts';
import type { Network } from '../cluster/records.ts';
import type { Runtime } from '../container/runtime.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { ListenerStatus } from '../dns/listeners.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { EventBus } from '../lib/events.ts';
import { Gate } from '../lib/gate.ts';
import type { Logger } from '../lib/log.ts';
import { SerialQueue } from '../lib/serial-queue.ts';
import type { Naming } from './aliases.ts';
import { Attachments } from './attachments.ts';
import { createDoctor } from './doctor/doctor.ts';
import { EndpointRecords } from './endpoint-records.ts';
import { besideEngine } from './engine/beside-engine.ts';
import type { EnginePlugin } from './engine/plugin.ts';
import { hostEnds } from './host-ends.ts';
import { HostNetworks } from './host-networks.ts';
import { Ipam } from './ipam.ts';
import type { Model } from './model.ts';
import { NodeDiscovery } from './node-discovery.ts';
import { Participation } from './participation.ts';
import type { EngineSide, ModelSettings, Parts } from './parts.ts';
import { Peers } from './peers.ts';
import { portRules } from './port-rules.ts';
import { Reconciler } from './reconcile.ts';
import { RemoteIpam } from './remote-ipam.ts';
import { Services } from './services.ts';
import { ownUseCases } from './use-cases.ts';

export interface ModelDeps {
  /** Ready, and the node lease started. */
  readonly directory: Directory;
  readonly nodeLease: NodeLease;
  /** Recovered. */
  readonly runtime: Runtime;
  readonly dataplane: Dataplane;
  readonly driverNamed: (name: string) => Driver;
  /** IPAM plugins; undefined for `default` and `null`. */
  readonly ipamNamed: (name: string) => IpamDriver | undefined;
  readonly settings: ModelSettings;
  readonly log: Logger;
  readonly clock: Clock;
  /** Told which networks are set up on this host, so that DNS can listen on their gateways. */
  readonly onHostNetworks: (networks: readonly Network[]) => void;
  /** In the engine way: whose containers they are. */
  readonly engine?: EngineSide;
  /** Where DNS listens, for the doctor. */
  readonly listeners?: () => Promise<readonly ListenerStatus[]>;
}

export interface RunningModel extends Model {
  /** Makes kernel and records match now, as is done every minute. */
  reconcile(): Promise<void>;
  /** From now on changes are followed. An Engine's plugin is to listen before, for the Engine is asked for things then. */
  begin(): void;
  /** What a Docker Engine asks of us; in the engine way only. */
  readonly plugin?: EnginePlugin;
  /** Replaces a container's aliases, and how DNS answers for them, on the networks that `on` selects, which it does not leave for that. */
  setAliases(containerId: string, naming: Naming, on: (network: Network) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Puts the use cases together and brings kernel and records in line before it returns. */
export async function createModel(deps: ModelDeps): Promise<RunningModel> {
  const { directory, nodeLease, dataplane, driverNamed, log, clock } = deps;
  const driverOf = (network: Network) => driverNamed(network.driver);
  const graceMs = nodeLease.ttlSeconds * 1000;
  const letNodesIn = () => parts.hostNetworks.letNodesIn();
  const peers = new Peers({
    directory,
    nodeId: nodeLease.self.id,
    driverOf,
    log,
    clock,
    graceMs,
    letNodesIn,
  });
  const parts: Parts = {
    ...deps,
    hostNetworks: new HostNetworks({
      dataplane,
      driverOf,
      ports: (networks) => portRules(deps.runtime.list(), networks, driverOf),
      ends: () => hostEnds(parts),
      nodes: () => ({ nodes: peers.nodes(), spareNodes: peers.settling }),
      onChange: deps.onHostNetworks,
      onSetUp: ({ id }) => peers.refresh(id),
    }),
    ipam: new Ipam(directory, nodeLease.self.id, new RemoteIpam(directory, deps.ipamNamed, log)),
    events: new EventBus(clock),
    queue: new SerialQueue(),
    gate: new Gate(),
  };
  const records = new EndpointRecords(parts);
  const participation = new Participation(parts, peers);
  const attachments = new Attachments(parts, records, participation);
  const useCases = parts.engine
    ? await besideEngine(parts, parts.engine, records, participation)
    : ownUseCases(parts, attachments);
  const { networks, containers, connections, holdings } = useCases;
  const services = new Services(parts, networks, containers, connections);
  const reconciler = new Reconciler(parts, networks, holdings, attachments, participation);
  const doctor = createDoctor({
    parts,
    peers,
    listeners: deps.listeners ?? (async () => []),
    repair: async () => {
      await reconciler.run({ thorough: true });
      await peers.programAll();
    },
  });
  // Before the others learn of this node, all of them are programmed here: they may send at once, under new keys.
  const prepare = async () => {
    await reconciler.run({ addressesLater: true });
    await peers.programAll().catch((error: unknown) => log.error(messageOf(error)));
  };
  nodeLease.onJoined(async () => {
    await prepare();
    reconciler.sweepAll();
  });
  await prepare();
  await nodeLease.announce();
  const discovery = new NodeDiscovery(parts);
  return {
    networks,
    services,
    containers,
    doctor,
    events: parts.events,
    clock,
    nodes: () => directory.nodes(),
    reconcile: () => reconciler.run(),
    begin() {
      reconciler.start();
      useCases.begin(() => void reconciler.run());
    },
    ...(useCases.plugin ? { plugin: useCases.plugin } : {}),
    setAliases: useCases.setAliases,
    close: async () => {
      discovery.close();
      await useCases.close();
      await reconciler.close();
      records.close();
      await peers.close();
    },
  };
}
