import type { Store } from '../../kvstore/store.ts';
import type { ApiHooks } from '../api/deps.ts';
import type { Runtime } from '../container/runtime.ts';
import type { VolumeFiles } from '../container/volumes.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { Dns } from '../dns/dns.ts';
import type { NamesToReplicate } from '../dns/thread/name-replica-writer.ts';
import type { DnsThreadParts, RemoteDns } from '../dns/thread/remote-dns.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { EngineSide } from '../network/context.ts';
import type { DaemonConfig } from './config.ts';
import type { Identity } from './identity.ts';
import type { Mode } from './mode.ts';

/**
 * What a daemon is made on: this host (host-platform.ts), or what fairlead/testing makes in memory. Opened in the order
 * of the members; what is opened is closed by who asked for it.
 */
export interface Platform {
  readonly clock: Clock;
  dns(parts: DnsThreadParts): StartableDns;
  identity(config: DaemonConfig): Promise<Identity>;
  localState(config: DaemonConfig): Promise<LocalState>;
  /** Undefined: global objects live in the local store too. A server is not waited for. */
  globalStore(config: DaemonConfig): Promise<Store | undefined>;
  /** `hasContainers`: of the modes in which the daemon keeps their records. @throws invalid for one that cannot work */
  mode(config: DaemonConfig, hasContainers: boolean): Promise<Mode>;
  dataplane(
    mode: Mode,
    node: { readonly tag: string; readonly log: Logger },
    config: DaemonConfig,
  ): Promise<Dataplane>;
  /** What runs the containers in this mode, and the Engine where it is one. */
  runtime(
    mode: Mode,
    parts: RuntimeParts,
    config: DaemonConfig,
  ): Promise<{ readonly runtime: Runtime; readonly engine?: EngineSide }>;
  /** Named volumes of containers. */
  volumes(config: DaemonConfig): VolumeFiles;
  /** Absent: every request goes to its route. */
  readonly hooks?: ApiHooks;
}

/** The local store as it was found, and what else is known of the containers here. */
export interface LocalState {
  readonly store: Store;
  /** What a person should know of how it was found, a line each. */
  readonly notes?: readonly string[];
  /** There are files of containers, whatever the store knows of them. */
  readonly hasContainers?: boolean;
  /** Puts into the store what only those files know. Before anything else reads it; in the sandbox mode only. */
  readonly putBackLost?: (log: Logger) => Promise<void>;
}

export interface StartableDns extends RemoteDns {
  /** @throws invalid when an address in the options does not parse */
  start(directory: NamesToReplicate): Promise<void>;
}

export interface RuntimeParts {
  readonly dataplane: Dataplane;
  readonly store: Store;
  readonly log: Logger;
  /** The node's; see src/dataplane/names.ts. */
  readonly tag: string;
  /** What DNS answers a container. */
  readonly lookUp: Dns['lookupAs'];
}
