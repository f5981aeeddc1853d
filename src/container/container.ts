import type { Endpoint, Port } from '../cluster/records.ts';
import type { InterfaceSource, StaticRoute } from '../dataplane/links.ts';
import type { Isolation } from './isolation.ts';

/** A container's record, as every runtime tells it and as our own keep it (records.ts). */
export interface Container {
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  readonly spec: ContainerSpec;
  readonly state: ContainerState;
  /** The networks it is to be on, in order of attachment; kept while it is stopped. */
  readonly attachments: readonly Attachment[];
  /** The host's ports that it has while it runs. */
  readonly published?: readonly PortBinding[];
  /** Absent: no restart policy has had to do with it yet. */
  readonly supervision?: Supervision;
  /** False: its health check has not succeeded yet, or fails. Absent: it has none. */
  readonly healthy?: boolean;
  /** What its health check says, or who sets it by hand (Containers.setHealth). Never of an Engine's container. */
  readonly health?: Health;
}

export type Health = 'starting' | 'healthy' | 'unhealthy';

/** See health/health-check.ts. */
export interface HealthCheck {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** How long after the start a failure does not count, until the first success. */
  readonly startPeriodMs: number;
  /** The interval meanwhile. */
  readonly startIntervalMs: number;
  /** So many failures in a row make it unhealthy. */
  readonly retries: number;
}

/** What a restart policy remembers of its container. */
export interface Supervision {
  /** How often it has been started again since a person started it. */
  readonly restarts: number;
  /** It has ended and is about to be started again. */
  readonly restarting: boolean;
  /** A person ended it. */
  readonly stopped: boolean;
  /** Of the end before the last restart; while it runs its state has none. */
  readonly exitCode?: number;
}

/** Absent: a container that ends stays so. */
export interface RestartPolicy {
  readonly name: 'always' | 'unless-stopped' | 'on-failure';
  /** Of on-failure; 0: no limit. */
  readonly maximumRetries: number;
}

export interface ContainerState {
  readonly status: 'created' | 'running' | 'exited';
  /** Host pid of the main process; 0 when there is none. */
  readonly pid: number;
  readonly exitCode: number;
  /** RFC 3339; `0001-01-01T00:00:00Z` for never, as the Engine writes it. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Why the last start failed, else empty. */
  readonly error: string;
}

export type NetworkMode =
  /** A network by name or id; `default` is the daemon's default network. */
  | { readonly kind: 'network'; readonly network: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'host' }
  /** Shares the sandbox of another container (id). */
  | { readonly kind: 'container'; readonly containerId: string };

export interface ContainerSpec {
  /** Absent: `adjective_noun` is made up. */
  readonly name: string;
  /** Only a name. */
  readonly image: string;
  /** Entrypoint and arguments; empty: the container just holds its network. */
  readonly command: readonly string[];
  /** `K=V` */
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly tty: boolean;
  readonly openStdin: boolean;
  /** What a stop sends first; absent: SIGTERM. */
  readonly stopSignal?: string;
  /** Seconds from there to SIGKILL; absent: 10. */
  readonly stopTimeout?: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly networkMode: NetworkMode;
  /** Upstream DNS servers, search domains and options of its resolv.conf. */
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:address` */
  readonly extraHosts: readonly string[];
  readonly exposedPorts: readonly Port[];
  /** Absent: no port of the host is asked for. */
  readonly publish?: PublishRequest;
  readonly autoRemove: boolean;
  /** Absent: the defaults (isolation.ts). */
  readonly isolation?: Isolation;
  readonly healthcheck?: HealthCheck;
  readonly restart?: RestartPolicy;
  /** `SERVICE[.NETWORK]` values of --publish-service, as given. */
  readonly publishServices: readonly string[];
  /** Members of the create request that only `inspect` gives back (`Config` and `HostConfig`). */
  readonly extras: Readonly<Record<string, unknown>>;
  readonly attachments: readonly Attachment[];
}

/** `-p` and `-P`, kept while the container is stopped. */
export interface PublishRequest {
  readonly ports: readonly PortRequest[];
  /** Every exposed port that no request names gets one of the host's. */
  readonly all: boolean;
}

export interface PortRequest extends Port {
  /** Of the host; absent: all of them, or what the network says (bridge option host_binding_ipv4). */
  readonly address?: string;
  /** The host's port is one of these, both included; absent: an ephemeral one. */
  readonly range?: { readonly first: number; readonly last: number };
}

/** A port of the host that leads to the container's `port`. */
export interface PortBinding extends Port {
  /** `0.0.0.0` and `::`: every address of the family. */
  readonly address: string;
  readonly hostPort: number;
}

/** A container's place on a network: what is asked for and, once it is made, what there is. */
export interface Attachment {
  /** The network as asked for until it is first made (name, id, id prefix), its id from then on. */
  readonly network: string;
  /** What that network was called then: another may have its name by now, or none. */
  readonly networkName?: string;
  /** The service that it backs there; absent: its own place. */
  readonly serviceId?: string;
  /**
   * From --publish-service: the service's name. A start creates the service if it is missing, and fails
   * where it cannot be taken, instead of going on without as for a `service attach`.
   */
  readonly publish?: string;
  readonly aliases: readonly string[];
  /** `CONTAINER[:ALIAS]`, as given (src/cluster/links.ts). */
  readonly links?: readonly string[];
  /** `NAME=VALUE`: what links on the default network told its program at its last start. */
  readonly variables?: readonly string[];
  /** Asked-for addresses (no prefix length) and MAC. */
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
  /** Further addresses of its interface, that nobody routes to (RFC 3927, RFC 4291 2.5.6). No prefix length. */
  readonly linkLocal?: readonly string[];
  /** Higher wins the default route. */
  readonly gatewayPriority?: number;
  readonly driverOptions?: Readonly<Record<string, string>>;
  /**
   * While it is made: the endpoint's whole record, as it stands in the store, to be put there again as it was.
   * `nodeId` is empty where it was written by a program that kept less.
   */
  readonly endpoint?: Endpoint;
  /** Absent on networks that give none. */
  readonly interface?: AttachedInterface;
}

/** Enough to put the interface in again, and to take it away without any record or driver. */
export interface AttachedInterface {
  /** In the sandbox; empty where an Engine names it. */
  readonly name: string;
  readonly source: InterfaceSource;
  /** Next hops of the default routes that the network offers; none on internal ones. */
  readonly gateway?: string;
  readonly gateway6?: string;
  /** Where the network's DNS responder listens. */
  readonly resolver?: string;
  /** Beside those that its addresses make. */
  readonly routes?: readonly StaticRoute[];
}

export interface ContainerChange {
  readonly name?: string;
  readonly attachments?: readonly Attachment[];
  readonly published?: readonly PortBinding[];
  readonly supervision?: Supervision;
  /** `none`: a container that ends stays so. */
  readonly restart?: RestartPolicy | 'none';
  /** `none`: it has no health check. */
  readonly health?: Health | 'none';
  /** Of a start that failed. */
  readonly failure?: Pick<ContainerState, 'error' | 'exitCode'>;
}
