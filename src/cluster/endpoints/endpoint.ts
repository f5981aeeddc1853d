import { shortId } from '../../lib/ids.ts';
import { dnsPolicies, type Endpoint, type Port, type Service } from '../records.ts';
import { dnsPolicyOption } from './dns-policy.ts';
import { linksOf } from './links.ts';

/** What stays the same as long as the endpoint is there. */
export type EndpointIdentity = Pick<
  Endpoint,
  'id' | 'networkId' | 'nodeId' | 'created' | 'ipv4' | 'ipv6' | 'mac'
>;

/** The container that has it. */
export interface EndpointHolder {
  readonly id: string;
  readonly name: string;
  readonly healthy?: boolean;
  /** What its check says; never of an Engine's container. */
  readonly health?: 'starting' | 'healthy' | 'unhealthy';
  readonly spec: {
    readonly exposedPorts: readonly Port[];
    readonly hostname?: string;
    /** The DNS servers that it asks in place of the daemon's. */
    readonly dns?: readonly string[];
    readonly isolation?: { readonly sysctls: Readonly<Record<string, string>> };
  };
}

/** What was asked for with it. */
export interface EndpointWish {
  readonly aliases: readonly string[];
  readonly links?: readonly string[];
  readonly driverOptions?: Readonly<Record<string, string>>;
}

/**
 * Stands for the container of an endpoint that an Engine is making: whose it is, the Engine tells later. It carries packets
 * and has no name.
 */
export function unnamedHolder(endpointId: string): EndpointHolder {
  const name = `starting-${shortId(endpointId)}`;
  return { id: endpointId, name, healthy: false, spec: { exposedPorts: [] } };
}

export function isUnnamed({ id, containerName }: Endpoint): boolean {
  return containerName === unnamedHolder(id).name;
}

/**
 * Whether DNS answers for the container. While it starts it has its names, as in the Engine: a check may ask for the
 * container's own name, and members of a cluster become healthy by finding each other. What an Engine runs (no
 * `health` of ours) is named from its first success on.
 */
function hasNames({ health, healthy = true }: Pick<EndpointHolder, 'health' | 'healthy'>): boolean {
  return health === undefined ? healthy : health !== 'unhealthy';
}

/** The one place that makes an endpoint's record: what is put again after an outage is what was, member by member. */
export function endpointFor(
  { id, networkId, nodeId, created, ipv4, ipv6, mac }: EndpointIdentity,
  holder: EndpointHolder,
  wish: EndpointWish,
  service?: Service,
): Endpoint {
  const ports = service && service.ports.length > 0 ? service.ports : holder.spec.exposedPorts;
  return {
    id,
    networkId,
    nodeId,
    containerId: holder.id,
    containerName: holder.name,
    name: service?.name ?? holder.name,
    ...(service ? { serviceId: service.id } : {}),
    created,
    ...(ipv4 ? { ipv4 } : {}),
    ...(ipv6 ? { ipv6 } : {}),
    ...(mac ? { mac } : {}),
    aliases: [...new Set([...(service?.aliases ?? []), ...wish.aliases])],
    ...policyIn(wish),
    ...linksOf(wish),
    ...dnsSettings(holder),
    ports: [...ports],
    healthy: hasNames(holder),
  };
}

/** The same endpoint, with what its container has changed since: its name, its health and, on its own place, its aliases. */
export function following(endpoint: Endpoint, holder: EndpointHolder, wish: EndpointWish): Endpoint {
  const shown = { ...endpoint, containerName: holder.name, healthy: hasNames(holder) };
  if (endpoint.serviceId !== undefined) return shown;
  const { dnsPolicy: _, ...own } = shown;
  return { ...own, name: holder.name, aliases: [...new Set(wish.aliases)], ...policyIn(wish) };
}

/** An Engine says the short id where no hostname was given. */
function dnsSettings({ id, spec }: EndpointHolder): Pick<Endpoint, 'hostname' | 'servers'> {
  const { hostname = '', dns = [] } = spec;
  return {
    ...(hostname !== '' && hostname !== shortId(id) ? { hostname } : {}),
    ...(dns.length > 0 ? { servers: [...dns] } : {}),
  };
}

/** A Docker Engine takes any text for an endpoint's option; ours were checked when they were asked for. */
function policyIn({ driverOptions }: EndpointWish): Pick<Endpoint, 'dnsPolicy'> {
  const dnsPolicy = dnsPolicies.find((policy) => policy === driverOptions?.[dnsPolicyOption]);
  return dnsPolicy ? { dnsPolicy } : {};
}
