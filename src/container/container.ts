import * as z from 'zod';
import { type Endpoint, endpointSchema, portSchema } from '../cluster/records.ts';
import type { DeepReadonly } from '../lib/deep-readonly.ts';
import { isolationSchema } from './isolation.ts';

/** A container's record, as every runtime tells it and as the embedded store holds those of the sandbox and simulated modes. */

const texts = z.array(z.string());
const textMap = z.record(z.string(), z.string());

const sourceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('veth'), hostName: z.string(), bridge: z.string() }),
  z.object({ kind: z.literal('existing'), hostName: z.string() }),
  z.object({
    kind: z.literal('stacked'),
    hostName: z.string(),
    parent: z.string(),
    type: z.enum(['macvlan', 'ipvlan']),
    mode: z.string(),
    flag: z.string().exactOptional(),
  }),
]);

/** Enough to put the interface in again, and to take it away without any record or driver. */
const interfaceSchema = z.object({
  /** In the sandbox; empty where an Engine names it. */
  name: z.string(),
  source: sourceSchema,
  /** Next hops of the default routes that the network offers; none on internal ones. */
  gateway: z.string().exactOptional(),
  gateway6: z.string().exactOptional(),
  /** Where the network's DNS responder listens. */
  resolver: z.string().exactOptional(),
  /** Beside those that its addresses make. */
  routes: z.array(z.object({ destination: z.string(), nextHop: z.string().exactOptional() })).exactOptional(),
});

/** A port of the host that leads to the container's `port`. */
const bindingSchema = portSchema.extend({
  /** `0.0.0.0` and `::`: every address of the family. */
  address: z.string(),
  hostPort: z.number().int(),
});

const portRequestSchema = portSchema.extend({
  /** Of the host; absent: all of them, or what the network says (bridge option host_binding_ipv4). */
  address: z.string().exactOptional(),
  /** The host's port is one of these, both included; absent: an ephemeral one. */
  range: z.object({ first: z.number().int(), last: z.number().int() }).exactOptional(),
});

/** `-p` and `-P`, kept while the container is stopped. */
const publishSchema = z.object({
  ports: z.array(portRequestSchema),
  /** Every exposed port that no request names gets one of the host's. */
  all: z.boolean(),
});

/** What is asked for of a container's place on a network. */
export const wantedSchema = z.object({
  /** The network as asked for until it is first made (name, id, id prefix), its id from then on. */
  network: z.string(),
  /** What that network was called then: another may have its name by now, or none. */
  networkName: z.string().exactOptional(),
  /** The service that it backs there; absent: its own place. */
  serviceId: z.string().exactOptional(),
  /**
   * From --publish-service: the service's name. A start creates the service if it is missing, and fails
   * where it cannot be taken, instead of going on without as for a `service attach`.
   */
  publish: z.string().exactOptional(),
  /** It has the exclusive service only while it is its turn; src/cluster/endpoints/standby.ts has the rules. */
  standby: z.object({ order: z.number().int().exactOptional() }).exactOptional(),
  aliases: texts,
  /** `CONTAINER[:ALIAS]`, as given (src/cluster/endpoints/links.ts). */
  links: texts.exactOptional(),
  /** `NAME=VALUE`: what links on the default network told its program at its last start. */
  variables: texts.exactOptional(),
  /** Asked-for addresses (no prefix length) and MAC. */
  ipv4: z.string().exactOptional(),
  ipv6: z.string().exactOptional(),
  mac: z.string().exactOptional(),
  /** Further addresses of its interface, that nobody routes to (RFC 3927, RFC 4291 2.5.6). No prefix length. */
  linkLocal: texts.exactOptional(),
  /** Higher wins the default route. */
  gatewayPriority: z.number().exactOptional(),
  driverOptions: textMap.exactOptional(),
});

/** A container's place on a network: what is asked for and, once it is made, what there is. */
const attachmentSchema = wantedSchema.extend({
  /** While it is made: the endpoint's whole record, as it stands in the store, to be put there again as it was. */
  endpoint: endpointSchema.exactOptional(),
  /** Absent on networks that give none. */
  interface: interfaceSchema.exactOptional(),
});

const networkModeSchema = z.discriminatedUnion('kind', [
  /** A network by name or id; `default` is the daemon's default network. */
  z.object({ kind: z.literal('network'), network: z.string() }),
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('host') }),
  /** Shares the sandbox of another container (id). */
  z.object({ kind: z.literal('container'), containerId: z.string() }),
]);

const restartSchema = z.object({
  name: z.enum(['always', 'unless-stopped', 'on-failure']),
  /** Of on-failure; 0: no limit. */
  maximumRetries: z.number().int(),
});

/** See health/health-check.ts. */
const healthcheckSchema = z.object({
  /** Program and arguments. */
  command: texts,
  intervalMs: z.number(),
  timeoutMs: z.number(),
  /** How long after the start a failure does not count, until the first success. */
  startPeriodMs: z.number(),
  /** The interval meanwhile. */
  startIntervalMs: z.number(),
  /** So many failures in a row make it unhealthy. */
  retries: z.number().int(),
});

const specSchema = z.object({
  /** Absent: `adjective_noun` is made up. */
  name: z.string(),
  /** Only a name. */
  image: z.string(),
  /** Entrypoint and arguments; empty: the container just holds its network. */
  command: texts,
  /** `K=V` */
  env: texts,
  workingDir: z.string(),
  user: z.string(),
  hostname: z.string(),
  domainname: z.string(),
  tty: z.boolean(),
  openStdin: z.boolean(),
  /** What a stop sends first; absent: SIGTERM. */
  stopSignal: z.string().exactOptional(),
  /** Seconds from there to SIGKILL; absent: 10. */
  stopTimeout: z.number().exactOptional(),
  labels: textMap,
  networkMode: networkModeSchema,
  /** Upstream DNS servers, search domains and options of its resolv.conf. */
  dns: texts,
  dnsSearch: texts,
  dnsOptions: texts,
  /** `name:address` */
  extraHosts: texts,
  exposedPorts: z.array(portSchema),
  /** Absent: no port of the host is asked for. */
  publish: publishSchema.exactOptional(),
  autoRemove: z.boolean(),
  /** Absent: the defaults (isolation.ts). */
  isolation: isolationSchema.exactOptional(),
  healthcheck: healthcheckSchema.exactOptional(),
  /** Absent: a container that ends stays so. */
  restart: restartSchema.exactOptional(),
  /** `SERVICE[.NETWORK]` values of --publish-service, as given. */
  publishServices: texts,
  /** Members of the create request that only `inspect` gives back (`Config` and `HostConfig`). */
  extras: z.record(z.string(), z.unknown()),
  attachments: z.array(attachmentSchema),
});

const stateSchema = z.object({
  status: z.enum(['created', 'running', 'exited']),
  /** Host pid of the main process; 0 when there is none. */
  pid: z.number().int(),
  exitCode: z.number().int(),
  /** RFC 3339; `0001-01-01T00:00:00Z` for never, as the Engine writes it. */
  startedAt: z.string(),
  finishedAt: z.string(),
  /** Why the last start failed, else empty. */
  error: z.string(),
});

/** What a restart policy remembers of its container. */
const supervisionSchema = z.object({
  /** How often it has been started again since a person started it. */
  restarts: z.number().int(),
  /** It has ended and is about to be started again. */
  restarting: z.boolean(),
  /** A person ended it. */
  stopped: z.boolean(),
  /** Of the end before the last restart; while it runs its state has none. */
  exitCode: z.number().int().exactOptional(),
});

const healthSchema = z.enum(['starting', 'healthy', 'unhealthy']);

const recordSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string(),
  /** RFC 3339. */
  created: z.string(),
  spec: specSchema,
  state: stateSchema,
  /** The networks it is to be on, in order of attachment; kept while it is stopped. */
  attachments: z.array(attachmentSchema),
  /** The host's ports that it has while it runs. */
  published: z.array(bindingSchema).exactOptional(),
  /** False: its health check has not succeeded yet, or fails. Absent: it has none. */
  healthy: z.boolean().exactOptional(),
  /** What its health check says, or who sets it by hand (Containers.setHealth). Never of an Engine's container. */
  health: healthSchema.exactOptional(),
  /** Absent: no restart policy has had to do with it yet. */
  supervision: supervisionSchema.exactOptional(),
});

type Kept<Schema extends z.ZodType> = DeepReadonly<z.infer<Schema>>;

export type Health = z.infer<typeof healthSchema>;
export type HealthCheck = Kept<typeof healthcheckSchema>;
export type Supervision = Kept<typeof supervisionSchema>;
export type RestartPolicy = Kept<typeof restartSchema>;
export type ContainerState = Kept<typeof stateSchema>;
export type NetworkMode = Kept<typeof networkModeSchema>;
export type PublishRequest = Kept<typeof publishSchema>;
export type PortRequest = Kept<typeof portRequestSchema>;
export type PortBinding = Kept<typeof bindingSchema>;
export type AttachedInterface = Kept<typeof interfaceSchema>;
export type Attachment = Kept<typeof wantedSchema> & {
  readonly endpoint?: Endpoint;
  readonly interface?: AttachedInterface;
};

interface WithAttachments {
  readonly attachments: readonly Attachment[];
}
export interface ContainerSpec extends Omit<Kept<typeof specSchema>, 'attachments'>, WithAttachments {}
export interface Container extends Omit<Kept<typeof recordSchema>, 'attachments' | 'spec'>, WithAttachments {
  readonly spec: ContainerSpec;
}

export const containerSchema: z.ZodType<Container> = recordSchema;

export interface ContainerChange {
  readonly name?: string;
  readonly attachments?: readonly Attachment[];
  readonly published?: readonly PortBinding[];
  readonly supervision?: Supervision;
  /** `none`: a container that ends stays so. */
  readonly restart?: RestartPolicy | 'none';
  /** `none`: it has no health check. */
  readonly health?: Health | 'none';
  /** Members of its HostConfig that inspect shows and nothing here acts on. */
  readonly limits?: Readonly<Record<string, unknown>>;
  /** Of a start that failed. */
  readonly failure?: Pick<ContainerState, 'error' | 'exitCode'>;
}
