import type {
  Candidate,
  DnsPolicy,
  Endpoint,
  Network,
  NodeRecord,
  Port,
  Service,
} from '../cluster/records.ts';
import type { Attachment, Container, ContainerSpec, Health, RestartPolicy } from '../container/container.ts';
import type { HealthReport } from '../container/health/health-check.ts';
import type { Runtime } from '../container/runtime.ts';
import type { Clock } from '../lib/clock.ts';
import type { EventBus } from '../lib/events.ts';
import type { SubnetUsage } from './addressing/address-usage.ts';

export type { SubnetUsage } from './addressing/address-usage.ts';

/**
 * What the API offers and everything else asks for: the use cases. Each takes what a person typed
 * (a `ref` is a full id, a name or an id prefix), leaves the state as it was when it fails, and throws
 * FairleadErrors only. Once a call has returned, every later read and DNS query on this node shows its effect.
 */
export interface Model {
  readonly networks: Networks;
  readonly services: Services;
  readonly containers: Containers;
  readonly events: EventBus;
  /** What times in records, and those in filters, are told by. */
  readonly clock: Clock;
  readonly doctor: Doctor;
  /** The living nodes that share the KV store, this one included. */
  nodes(): readonly NodeRecord[];
}

export interface Networks {
  /** Sorted by name, in natural order. */
  list(): readonly Network[];
  /** @throws not-found | invalid (ambiguous prefix, with the candidates) */
  find(ref: string): Network;
  /** Where containers and services go that name no network. */
  defaultNetwork(): Network;
  /** False for an Engine's own network: what is on it has the aliases that it was connected with. */
  isOurs(network: Network): boolean;
  /** As clients of the Engine API see it: beside an Engine under the id that it has there, and the driver that was typed. */
  shown(network: Network): Network;
  /** @throws invalid | conflict (name taken) | forbidden | exhausted */
  create(spec: NetworkSpec): Promise<Network>;
  /** @throws forbidden for predefined networks, and naming the holders when services or endpoints remain */
  remove(ref: string): Promise<Network>;
  /** Removes what has neither services nor endpoints nor is predefined, and that `selects` accepts. */
  prune(selects: (network: Network) => boolean): Promise<readonly Network[]>;
  /** The live endpoints of a network, of every node. Asks the store where this node does not follow the network. */
  endpoints(networkId: string): Promise<readonly Endpoint[]>;
  /** @throws unavailable while the network's store is away */
  addressUsage(networkId: string): Promise<readonly SubnetUsage[]>;
}

export interface NetworkSpec {
  readonly name: string;
  /** Absent or empty: the default network's driver (2015), which is bridge unless configured. */
  readonly driver?: string;
  /** What the driver is called by whoever creates it, where that is a name that an Engine has for us. */
  readonly typedDriver?: string;
  readonly scope?: string;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  /** Default true. */
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly ipam?: {
    readonly driver?: string;
    readonly options?: Readonly<Record<string, string>>;
    readonly config?: readonly PoolSpec[];
  };
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** The network only holds these settings, for others to be made from. */
  readonly configOnly?: boolean;
  /** Name of the configuration network that the settings come from. */
  readonly configFrom?: string;
}

/** As typed; checked by IPAM. */
export interface PoolSpec {
  readonly subnet?: string;
  readonly ipRange?: string;
  readonly gateway?: string;
  readonly auxAddresses?: Readonly<Record<string, string>>;
}

export interface ServiceView {
  readonly service: Service;
  readonly network: Network;
  /** Live endpoints that back it; at most one unless it is shared. */
  readonly providers: readonly Endpoint[];
  /** Of an exclusive service: who has it and who stands by, in the order in which they take it over. */
  readonly candidates: readonly Candidate[];
}

export interface Services {
  /** Published services sorted by name, then network name. */
  list(filter?: { readonly networkRef?: string }): Promise<readonly ServiceView[]>;
  /** Containers' own endpoints: what 2015's `service ls` showed as implicit services. */
  implicit(filter?: { readonly networkRef?: string }): Promise<readonly ImplicitService[]>;
  /** The service of a complete id; undefined when there is none. */
  withId(id: string): Promise<ServiceView | undefined>;
  /** `SERVICE[.NETWORK]`, an id or an id prefix. @throws not-found | invalid */
  find(ref: string): Promise<ServiceView>;
  /** `ref` is `SERVICE[.NETWORK]` as typed. @throws not-found (network) | invalid (name) | conflict (exists) */
  publish(ref: string, options?: PublishOptions): Promise<ServiceView>;
  /** The network is named apart, as POST /services does; empty: the default network. */
  publishOn(networkRef: string, name: string, options?: PublishOptions): Promise<ServiceView>;
  /** @throws forbidden while a provider is attached, unless `force`, which detaches it first */
  unpublish(serviceId: string, options?: { readonly force?: boolean }): Promise<void>;
  /** `ref` as in `find`. @throws conflict when it has a provider (and is not shared) or this container is attached already */
  attach(ref: string, containerRef: string, options?: AttachOptions): Promise<ServiceView>;
  /**
   * Has a candidate take the service over now: once, or with `preempt` whenever it is ready.
   * @throws invalid when that container is no candidate; conflict when it is not ready
   */
  promote(ref: string, containerRef: string, options?: { readonly preempt?: boolean }): Promise<ServiceView>;
  /** @throws invalid when that container is not attached; forbidden wording of docker-facts §3 */
  detach(serviceId: string, containerRef: string): Promise<void>;
}

export interface PublishOptions {
  readonly shared?: boolean;
  readonly aliases?: readonly string[];
  /** For SRV records. */
  readonly ports?: readonly Port[];
}

export interface AttachOptions {
  /** It waits while another container has the exclusive service, and takes it over when it is its turn. */
  readonly standby?: boolean;
}

export interface ImplicitService {
  readonly endpoint: Endpoint;
  readonly network: Network;
}

export interface Containers {
  readonly runtime: Runtime;
  /** In order of creation. */
  list(): readonly Container[];
  find(ref: string): Container;
  create(request: CreateContainer): Promise<Container>;
  /** No error when it runs already. A failed start leaves the container as it was, with `state.error` set. */
  start(ref: string): Promise<Container>;
  /** What is not given is the container's own, else SIGTERM and 10 s until SIGKILL. No error when it does not run. */
  stop(ref: string, timeoutSeconds?: number, signal?: string): Promise<void>;
  restart(ref: string, timeoutSeconds?: number, signal?: string): Promise<void>;
  /** @throws conflict when it does not run */
  kill(ref: string, signal: string): Promise<void>;
  /** Resolves with the exit code: at once if not running (`not-running`), at the next exit, or once removed. */
  wait(ref: string, condition: 'not-running' | 'next-exit' | 'removed'): Promise<number>;
  /** @throws conflict when it runs and `force` is not set */
  remove(ref: string, options?: { readonly force?: boolean }): Promise<void>;
  rename(ref: string, name: string): Promise<void>;
  /** Changes the restart policy; undefined: a container that ends stays so. */
  setRestart(ref: string, restart: RestartPolicy | undefined): Promise<void>;
  /** Keeps limits for inspect; nothing is limited. @throws unsupported beside an Engine */
  setLimits(ref: string, limits: Readonly<Record<string, unknown>>): Promise<void>;
  /**
   * Instead of its health check, which ends until the next start; DNS withholds a container that is unhealthy.
   * @throws unsupported beside an Engine
   */
  setHealth(ref: string, health: Health | 'none'): Promise<void>;
  /** What the checks of its last start have said; nothing beside an Engine, which knows itself. */
  health(id: string): HealthReport;
  connect(networkRef: string, containerRef: string, settings?: EndpointSettings): Promise<void>;
  /** `force` also takes an endpoint (id or name) of a container that is gone. */
  disconnect(networkRef: string, containerRef: string, force?: boolean): Promise<void>;
  /** Takes a link of the default network away. @throws not-found | unsupported beside an Engine */
  unlink(ref: string, alias: string): Promise<void>;
}

export type EndpointSettings = Pick<
  Attachment,
  'ipv4' | 'ipv6' | 'mac' | 'links' | 'linkLocal' | 'gatewayPriority' | 'driverOptions'
> & { readonly aliases?: readonly string[] };

/** Names of a container beside its own. */
export interface Naming {
  readonly aliases: readonly string[];
  /** Absent: what it is, stays. */
  readonly dnsPolicy?: DnsPolicy;
}

/** A container's spec, as far as it is not the default. */
export interface CreateContainer
  extends Partial<Omit<ContainerSpec, 'image' | 'networkMode' | 'attachments'>> {
  readonly image: string;
  /** `default`, `none`, `host`, `container:REF` or a network's ref; absent or empty: `default`. */
  readonly networkMode?: string;
  /** Network ref → settings; may name further networks than `networkMode`. */
  readonly endpoints?: Readonly<Record<string, EndpointSettings>>;
  /** `CONTAINER[:ALIAS]` on its first network: containers that are there now. */
  readonly links?: readonly string[];
  /** Of its `publishServices` it only has those whose turn it is. */
  readonly standby?: boolean;
}

export interface Doctor {
  /**
   * Compares this host with what the records want; a network narrows it to that one and what all need.
   * `repair`: makes the kernel match, and looks again. @throws not-found for the network
   */
  examine(networkRef?: string, options?: { readonly repair?: boolean }): Promise<Diagnosis>;
  /** As `Dataplane.obstacles`. */
  obstacles(): Promise<readonly string[]>;
}

export interface Diagnosis {
  /** How many things were looked at. */
  readonly checked: number;
  readonly findings: readonly Finding[];
}

export interface Finding {
  /** What is wrong, in one line. */
  readonly text: string;
  /** Name of the network that it is a matter of. */
  readonly network?: string;
  /** Whether a second look, after the repair, found it in order. */
  readonly repaired: boolean;
}
