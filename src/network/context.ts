import type { Driver } from '../../drivers/driver.ts';
import type { Directory } from '../cluster/directory.ts';
import type { NodeLease } from '../cluster/node-lease.ts';
import type { Network } from '../cluster/records.ts';
import type { HostEngine } from '../container/host-engine.ts';
import type { EngineLinks } from '../container/host-links.ts';
import type { Runtime } from '../container/runtime.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { Clock } from '../lib/clock.ts';
import type { EventBus } from '../lib/events.ts';
import type { Locks } from '../lib/locks.ts';
import type { Logger } from '../lib/log.ts';
import type { AddressBook } from './addressing/address-book.ts';
import type { DefaultPool } from './addressing/pools.ts';
import type { HostFirewall } from './host/firewall.ts';
import type { Presence } from './host/presence.ts';

/** What the use cases are made of; put together once, in create-model.ts. */
export interface NetworkContext {
  readonly directory: Directory;
  readonly nodeLease: NodeLease;
  readonly runtime: Runtime;
  readonly dataplane: Dataplane;
  readonly firewall: HostFirewall;
  readonly presence: Presence;
  readonly ipam: AddressBook;
  readonly events: EventBus;
  /** `node` is held shared by every operation, alone by the sweep for orphans. */
  readonly locks: Locks;
  readonly log: Logger;
  readonly clock: Clock;
  readonly settings: ModelSettings;
  /** @throws not-found, in the Engine's words */
  readonly driverNamed: (name: string) => Driver;
  /** Present in the engine way. */
  readonly engine?: EngineSide;
}

/** The Docker Engine whose containers are ours. */
export interface EngineSide {
  readonly host: HostEngine;
  readonly links: EngineLinks;
  /** By which the Engine knows us as a plugin: the name of our networks' driver there. */
  readonly driver: string;
  /** Where containers ask for names. */
  readonly resolver: string;
  /** The node's; see src/dataplane/names.ts. */
  readonly tag: string;
}

export interface ModelSettings {
  readonly defaultNetwork: { readonly driver: string; readonly name: string };
  readonly localPools: readonly DefaultPool[];
  readonly globalPools: readonly DefaultPool[];
}

export function driverOf({ driverNamed }: NetworkContext, network: Network): Driver {
  return driverNamed(network.driver);
}
