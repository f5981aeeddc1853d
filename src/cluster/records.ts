import * as z from 'zod';
import { intern } from '../lib/intern.ts';

/** What the stores hold: plain JSON values, decoded with these schemas. Objects refer to each other by id. */

const id = z.string().regex(/^[0-9a-f]{64}$/);
/** Of a network or node, which a great many records name: one copy in memory serves them all. */
const internedId = id.overwrite(intern);
/** RFC 3339 with nanoseconds and Z, as the Engine writes times. */
const time = z.string();
/** Words of commands and rules are made of these: whoever else writes to the store must not add any. */
const address = z.string().regex(/^[0-9A-Fa-f.:]*$/);
/** Address with prefix length: `172.18.0.2/16`. */
const cidr = z.string().regex(/^[0-9A-Fa-f.:]+\/\d{1,3}$/);
const mac = z.string().regex(/^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$/);
const texts = z.record(z.string(), z.string());

export const scopes = ['local', 'global'] as const;
/** local: this host only. global: shared through the KV store. */
export type Scope = (typeof scopes)[number];

const pool = z.object({
  /** CIDR; host bits cleared. */
  subnet: cidr,
  /** CIDR within the subnet that containers get their addresses from; the whole subnet when absent. */
  ipRange: cidr.optional(),
  /** Address without prefix length. */
  gateway: address,
  /** Name → address that is kept out of the pool. */
  auxAddresses: texts,
  /** By which an IPAM plugin knows it. */
  poolId: z.string().optional(),
  /** The plugin chose the gateway with the pool, and it is not given back apart. */
  gatewayGiven: z.boolean().optional(),
  /** Nobody named the gateway, and this host does not have it: as the Engine, it is not shown. */
  gatewayUnnamed: z.boolean().optional(),
});

export const networkSchema = z.object({
  id,
  name: z.string(),
  driver: z.string(),
  scope: z.enum(scopes),
  created: time,
  internal: z.boolean(),
  attachable: z.boolean(),
  /** False: its containers have IPv6 addresses only; absent: they have IPv4 ones. */
  ipv4: z.boolean().optional(),
  ipv6: z.boolean(),
  ipam: z.object({
    driver: z.string(),
    options: texts,
    /** None were given, not even an empty map: the Engine shows null then. */
    optionsUnset: z.literal(true).exactOptional(),
    pools: z.array(pool),
    /** Subnets of IPv6 that were asked for without IPv6: nobody gets an address of them, but the Engine shows them. */
    idle: z.array(z.string()).exactOptional(),
    /** Of an IPAM plugin. */
    addressSpace: z.string().optional(),
  }),
  /** Driver options, `com.docker.network.…` keys. */
  options: texts,
  labels: texts,
  /** It only holds settings for others; the pools as they were typed. */
  configOnly: z
    .object({
      pools: z.array(
        z.object({
          subnet: z.string().exactOptional(),
          ipRange: z.string().exactOptional(),
          gateway: z.string().exactOptional(),
          auxAddresses: texts,
        }),
      ),
    })
    .optional(),
  /** The name of the configuration that it was made from. */
  configFrom: z.string().optional(),
  /** Its driver as it was typed, by the name that an Engine has for us; absent: `driver`. */
  typedDriver: z.string().exactOptional(),
  /** VXLAN network identifier; overlay only. */
  vni: z.number().int().optional(),
  /** Set while a removal is under way, so that nothing new is put on the network meanwhile. */
  removing: z.object({ nodeId: id }).optional(),
});

const portNumber = z.number().int().min(1).max(65535);

export const portSchema = z.object({
  protocol: z.enum(['tcp', 'udp', 'sctp']),
  port: portNumber,
});

export const serviceSchema = z.object({
  id,
  networkId: internedId,
  name: z.string(),
  created: time,
  /** Published `--shared`: any number of providers, each with an address of its own. */
  shared: z.boolean(),
  /** The exclusive service's endpoint; its key, created if absent, is what makes the provider the only one. */
  endpointId: id,
  /** The exclusive service's addresses, from publish until unpublish; absent on networks without addresses. */
  ipv4: cidr.optional(),
  ipv6: cidr.optional(),
  mac: mac.optional(),
  aliases: z.array(z.string()),
  ports: z.array(portSchema),
  /** The candidate that comes first, whatever its order: once, or with `preempt` whenever it is ready. */
  promoted: z.object({ containerId: id, preempt: z.boolean() }).exactOptional(),
});

/**
 * How DNS answers for a name that several endpoints have: which address comes first, and, for all but `rotate`,
 * that it comes alone to who would sort them (docs/dns.md).
 */
export const dnsPolicies = ['rotate', 'turn', 'ordered', 'sticky'] as const;
export type DnsPolicy = (typeof dnsPolicies)[number];
/** A name on the endpoint's network under an alias that only the endpoint's container sees. */
const link = z.object({ alias: z.string(), target: z.string() });

export const endpointSchema = z.object({
  id,
  networkId: internedId,
  nodeId: internedId,
  containerId: id,
  containerName: z.string(),
  /** The name under which DNS answers: the service's, else the container's. */
  name: z.string(),
  /** Present when the endpoint backs a service; otherwise it is the container's own place on the network. */
  serviceId: id.optional(),
  created: time,
  ipv4: cidr.optional(),
  ipv6: cidr.optional(),
  mac: mac.optional(),
  aliases: z.array(z.string()),
  /** Of all its names; absent: `rotate`. */
  dnsPolicy: z.enum(dnsPolicies).optional(),
  links: z.array(link).optional(),
  /** A name of the container beside the others; absent: it was given none. */
  hostname: z.string().optional(),
  /** The container's own DNS servers, asked in place of the daemon's for what is no name of ours. */
  servers: z.array(address).optional(),
  ports: z.array(portSchema),
  /** False withholds the endpoint from DNS (a failing health check). */
  healthy: z.boolean(),
  /** Of an exclusive service that a standby has taken over: whom from (a container's name), and why. */
  tookOver: z.object({ from: z.string(), why: z.string() }).exactOptional(),
});

/** A container that has an exclusive service or takes it over when nobody has it. On its node's lease. */
export const candidateSchema = z.object({
  networkId: internedId,
  serviceId: internedId,
  containerId: id,
  containerName: z.string(),
  nodeId: internedId,
  /** Lower takes over first. */
  order: z.number().int().min(0),
  /** When it was attached. */
  since: time,
  /** Its health check does not speak against it. */
  ready: z.boolean(),
});

export const nodeSchema = z.object({
  id,
  name: z.string(),
  /** The address other nodes reach this one at; absent when none was found. */
  advertise: address.optional(),
  version: z.string(),
  started: time,
  /** UDP port of its overlay networks; absent: 4789. */
  vxlanPort: portNumber.optional(),
  /** CIDRs of the networks that the Engine beside it has for itself, Swarm's included: no default pool is any of them. */
  engineSubnets: z.array(cidr).optional(),
  /** 32 random bytes in hex that keys of encrypted tunnels are made of; present while it takes part in some. */
  tunnelSecret: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** Its last word before it gives its lease up: it is not lost. */
  leaving: z.literal(true).exactOptional(),
});

/** What is remembered of a node that was lost. */
export const goneSchema = nodeSchema
  .pick({ id: true, name: true, advertise: true, version: true, started: true })
  /** When its lease ended, in Unix time in milliseconds. */
  .extend({ lastSeen: z.number() });

/** Who holds an address. Not on a lease: it outlives its node for five minutes (records of dead nodes). */
export const addressSchema = z.object({
  owner: z.enum(['service', 'endpoint']),
  /** The service's or endpoint's id. */
  id,
  /** The node that took it; a service's address belongs to no node. */
  nodeId: id.optional(),
});

/**
 * The pools that are in use in one address space: network id → CIDRs. The ids are cut to 12 digits, so that
 * some 1,800 networks fit into one value of 64 KiB.
 */
export const subnetsSchema = z.record(z.string(), z.array(cidr));

/** What an Engine is just creating: a network, whose name it does not say yet, or a pool for one. */
export const reservationSchema = z.object({ nodeId: id, of: z.enum(['network', 'pool']) });

export type Pool = Readonly<z.infer<typeof pool>>;
export type Network = Readonly<z.infer<typeof networkSchema>>;
export type Link = Readonly<z.infer<typeof link>>;
export type Service = Readonly<z.infer<typeof serviceSchema>>;
export type Candidate = Readonly<z.infer<typeof candidateSchema>>;
export type Endpoint = Readonly<z.infer<typeof endpointSchema>>;
export type GoneNode = Readonly<z.infer<typeof goneSchema>>;
export type NodeRecord = Readonly<z.infer<typeof nodeSchema>>;
export type AddressRecord = Readonly<z.infer<typeof addressSchema>>;
export type Reservation = Readonly<z.infer<typeof reservationSchema>>;
export type Subnets = Readonly<z.infer<typeof subnetsSchema>>;
export type Port = Readonly<z.infer<typeof portSchema>>;
