import type { Endpoint, GoneNode, Network, NodeRecord, Service } from '../records.ts';

/** What is shown of the records: no keys, no secrets, and names beside the ids. */

export interface NodeView {
  readonly id: string;
  readonly name: string;
  readonly advertise?: string;
  readonly version: string;
  /** RFC 3339. */
  readonly started: string;
  /** leaving: it has said goodbye. lost: its lease ended without. */
  readonly state: 'alive' | 'leaving' | 'lost';
  /** Of a lost node: when its lease ended, RFC 3339. A living one is seen now. */
  readonly lastSeen?: string;
  /** The node that answers. */
  readonly self: boolean;
}

export type NetworkView = Pick<
  Network,
  'id' | 'name' | 'driver' | 'scope' | 'created' | 'internal' | 'ipv6' | 'options' | 'labels' | 'vni'
> & {
  readonly subnets: readonly SubnetView[];
  /** `unknown`: its endpoints are in the KV store only, and have not been read. */
  readonly endpoints: 'known' | 'unknown';
};

export interface SubnetView {
  readonly subnet: string;
  readonly ipRange?: string;
  readonly gateway?: string;
}

export type ServiceView = Pick<Service, 'id' | 'name' | 'created' | 'ipv4' | 'ipv6' | 'aliases' | 'ports'> & {
  /** The network's id. */
  readonly network: string;
  readonly kind: 'exclusive' | 'shared';
  /** Ids of the endpoints that back it. */
  readonly providers: readonly string[];
};

export type EndpointView = Pick<
  Endpoint,
  'id' | 'name' | 'created' | 'ipv4' | 'ipv6' | 'mac' | 'aliases' | 'dnsPolicy' | 'healthy'
> & {
  /** The network's id. */
  readonly network: string;
  readonly node: string;
  readonly nodeName: string;
  readonly container: string;
  readonly containerName: string;
  /** The id of the service that it backs. */
  readonly service?: string;
};

/** A network with all that is on it. */
export interface NetworkContents {
  readonly network: NetworkView;
  readonly services: readonly ServiceView[];
  readonly endpoints: readonly EndpointView[];
}

export function livingNode(node: NodeRecord, selfId: string): NodeView {
  return { ...about(node), state: node.leaving ? 'leaving' : 'alive', self: node.id === selfId };
}

export function lostNode(node: GoneNode): NodeView {
  return { ...about(node), state: 'lost', lastSeen: new Date(node.lastSeen).toISOString(), self: false };
}

function about({ id, name, advertise, version, started }: Omit<GoneNode, 'lastSeen'>) {
  return { id, name, ...(advertise === undefined ? {} : { advertise }), version, started };
}

/** `endpoints` undefined: they are not known. */
export function contentsOf(
  network: Network,
  services: readonly Service[],
  endpoints: readonly Endpoint[] | undefined,
  nodeName: (id: string) => string,
): NetworkContents {
  const shown = byId((endpoints ?? []).map((endpoint) => endpointView(endpoint, nodeName)));
  return {
    network: networkView(network, endpoints !== undefined),
    services: byId(services.map((service) => serviceView(service, shown))),
    endpoints: shown,
  };
}

function networkView(network: Network, known: boolean): NetworkView {
  const { id, name, driver, scope, created, internal, ipv6, options, labels, vni, ipam } = network;
  return {
    ...{ id, name, driver, scope, created, internal, ipv6, options, labels },
    ...(vni === undefined ? {} : { vni }),
    subnets: ipam.pools.map(({ subnet, ipRange, gateway }) => ({
      subnet,
      ...(ipRange === undefined ? {} : { ipRange }),
      ...(gateway === '' ? {} : { gateway }),
    })),
    endpoints: known ? 'known' : 'unknown',
  };
}

function serviceView(service: Service, endpoints: readonly EndpointView[]): ServiceView {
  const { id, name, created, networkId, shared, ipv4, ipv6, aliases, ports } = service;
  return {
    ...{ id, name, created, network: networkId, kind: shared ? 'shared' : 'exclusive' },
    ...{ ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }), aliases, ports },
    providers: endpoints.filter((endpoint) => endpoint.service === id).map((endpoint) => endpoint.id),
  };
}

function endpointView(endpoint: Endpoint, nodeName: (id: string) => string): EndpointView {
  const { id, name, created, networkId, nodeId, containerId, containerName, serviceId } = endpoint;
  const { ipv4, ipv6, mac, aliases, dnsPolicy, healthy } = endpoint;
  return {
    ...{ id, name, created, network: networkId, node: nodeId, nodeName: nodeName(nodeId) },
    ...{ container: containerId, containerName, ...(serviceId && { service: serviceId }) },
    ...{ ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }), ...(mac && { mac }), aliases },
    ...{ ...(dnsPolicy && { dnsPolicy }), healthy },
  };
}

/** So that the same state is the same text, whatever order it came in. */
function byId<T extends { readonly id: string }>(views: readonly T[]): readonly T[] {
  return [...views].sort((a, b) => (a.id < b.id ? -1 : 1));
}
