import type { Driver } from '../../drivers/driver.ts';
import type { IpamDriver } from '../../drivers/ipam-driver.ts';
import type { Directory } from '../cluster/directory.ts';
import type { NodeLease } from '../cluster/node-lease.ts';
import type { Network } from '../cluster/records.ts';
import type { Runtime } from '../container/runtime.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { ListenerStatus } from '../dns/listeners/listeners.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { EventBus } from '../lib/events.ts';
import { Locks } from '../lib/locks.ts';
import type { Logger } from '../lib/log.ts';
import { AddressBook } from './addressing/address-book.ts';
import { RemoteIpam } from './addressing/remote-ipam.ts';
import type { EngineSide, ModelSettings, NetworkContext } from './context.ts';
import { createDoctor } from './doctor/doctor.ts';
import { EndpointStore } from './endpoints/store.ts';
import { engineMode } from './engine/engine-mode.ts';
import { HostFirewall } from './host/firewall.ts';
import { hostEnds } from './host/host-ends.ts';
import { NodeDiscovery } from './host/node-discovery.ts';
import { Peers } from './host/peers.ts';
import { doorsOf, portRules } from './host/port-rules.ts';
import { Presence } from './host/presence.ts';
import type { Model, Naming } from './model.ts';
import type { EnginePlugin } from './plugin/plugin.ts';
import { Reconciler } from './reconcile/reconcile.ts';
import { Sweeper } from './reconcile/sweep.ts';
import { Services } from './services/services.ts';
import { ownUseCases, type UseCases } from './use-cases.ts';

export interface ModelDeps {
  /** Ready, and the nodeLease started. */
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
  /** A container has begun or ceased to ask inside its sandbox: after it resolves, DNS listens there, or no longer. */
  readonly innerResolversChanged: () => Promise<void>;
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
  const peers = new Peers({
    directory,
    nodeId: nodeLease.self.id,
    driverOf,
    log,
    clock,
    graceMs,
    letNodesIn: () => firewall.letNodesIn(),
  });
  const firewall: HostFirewall = new HostFirewall({
    dataplane,
    driverOf,
    networks: () => presence.list(),
    ports: (networks) => portRules(deps.runtime.list(), networks, driverOf),
    doors: (networks) => doorsOf(deps.runtime.list(), networks, driverOf),
    ends: () => hostEnds(parts),
    nodes: () => ({ nodes: peers.nodes(), spareNodes: peers.settling }),
  });
  const locks = new Locks();
  const nodeId = nodeLease.self.id;
  const presence = new Presence({
    ...deps,
    ...{ locks, nodeId, driverOf, firewall, peers, onChange: deps.onHostNetworks },
  });
  const parts: NetworkContext = {
    ...deps,
    firewall,
    presence,
    ipam: new AddressBook(directory, nodeLease.self.id, new RemoteIpam(directory, deps.ipamNamed, log)),
    events: new EventBus(clock),
    locks,
  };
  const endpoints = new EndpointStore(parts);
  const useCases: UseCases = parts.engine
    ? await engineMode(parts, parts.engine, endpoints)
    : ownUseCases(parts, endpoints);
  const { networks, containers, attachments, claims } = useCases;
  const services = new Services(parts, networks, containers, attachments);
  const reconciler = new Reconciler(parts, networks, claims, new Sweeper(parts, networks, claims, endpoints));
  const doctor = createDoctor({
    parts,
    peers,
    listeners: deps.listeners ?? (async () => []),
    missing: () => useCases.facts?.() ?? [],
    repair: async () => {
      await reconciler.run({ thorough: true });
      await peers.programAll();
    },
  });
  // Before the others learn of this node, all of them are programmed here: they may send at once, under new keys.
  const prepare = async () => {
    await reconciler.run({ addressesLater: true });
    await peers.programAll().catch((error: unknown) => log.error({ err: error }, messageOf(error)));
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
    setAliases: (id, naming, on) => attachments.setAliases(id, naming, on),
    close: async () => {
      discovery.close();
      await useCases.close();
      await reconciler.close();
      endpoints.close();
      await peers.close();
    },
  };
}
