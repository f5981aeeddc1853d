import type {
  ShownEndpoint,
  ShownNetwork,
  ShownNode,
  ShownService,
  ShownTopology,
} from '../src/lib/cluster-map/bands.ts';

export interface Endpoint extends ShownEndpoint {
  readonly aliases: readonly string[];
}

export interface Service extends ShownService {
  readonly aliases: readonly string[];
}

/** What the changes add up to. */
export interface Cluster extends ShownTopology {
  readonly services: readonly Service[];
  readonly endpoints: readonly Endpoint[];
}

/** One change, in words. */
export interface Told {
  readonly id: string;
  readonly time: string;
  readonly kind: string;
  readonly action: string;
  readonly text: string;
}

export const nothing: Cluster = { nodes: [], networks: [], services: [], endpoints: [] };

interface Change {
  readonly action: string;
  readonly time: string;
  readonly node?: ShownNode;
  readonly network?: ShownNetwork;
  readonly service?: Service;
  readonly endpoint?: Endpoint;
}

/** The cluster after a message of the stream, and what it says to a person; nothing of a snapshot. */
export function after(cluster: Cluster, kind: string, data: unknown, id: string): [Cluster, Told?] {
  if (kind === 'snapshot') return [data as Cluster];
  const change = data as Change;
  const told = { id, time: change.time, kind, action: change.action, text: sentence(cluster, change) };
  return [applied(cluster, change), told];
}

function applied(cluster: Cluster, { action, node, network, service, endpoint }: Change): Cluster {
  const gone = ['removed', 'left', 'forgotten'].includes(action);
  const put = <T extends { readonly id: string }>(all: readonly T[], one: T | undefined): readonly T[] => {
    if (!one) return all;
    const others = all.filter(({ id }) => id !== one.id);
    return gone ? others : [...others, one];
  };
  return {
    nodes: put(cluster.nodes, node),
    networks: put(cluster.networks, network),
    services: put(cluster.services, service),
    endpoints: put(cluster.endpoints, endpoint),
  };
}

function sentence(cluster: Cluster, { action, node, network, service, endpoint }: Change): string {
  const networkName = (id: string) =>
    cluster.networks.find((each) => each.id === id)?.name ?? id.slice(0, 12);
  if (node) return `Node ${node.name} ${nodeVerb(action)}`;
  if (network) return `Network ${network.name} was ${action}`;
  if (service) {
    const name = `Service ${service.name} on ${networkName(service.network)}`;
    if (action !== 'changed') return `${name} was ${action === 'created' ? 'published' : 'unpublished'}`;
    const providers = service.providers
      .map((id) => cluster.endpoints.find((each) => each.id === id)?.containerName)
      .filter((each) => each !== undefined);
    return service.providers.length === 0
      ? `${name} has no provider`
      : `${name} is provided${providers.length > 0 ? ` by ${providers.join(', ')}` : ''}`;
  }
  if (!endpoint) return action;
  const place = `${endpoint.containerName} on ${endpoint.nodeName}`;
  const where = `${networkName(endpoint.network)}${endpoint.service ? ` as ${endpoint.name}` : ''}`;
  if (action === 'created') return `${place} joined ${where}`;
  if (action === 'removed') return `${place} left ${where}`;
  return `${place} changed on ${where}: ${endpoint.healthy ? 'healthy' : 'unhealthy'}`;
}

function nodeVerb(action: string): string {
  if (action === 'lost') return 'is lost: its lease ended without a goodbye';
  if (action === 'changed') return 'changed';
  return action === 'forgotten' ? 'is forgotten' : action;
}
