import { keys } from '../cluster/keys.ts';
import type { Endpoint, Network, Service } from '../cluster/records.ts';
import type { Decision } from '../cluster/retry.ts';
import { hasNames } from '../container/health/health-check.ts';
import type { Container, Membership } from '../container/runtime.ts';
import { FairleadError } from '../lib/errors.ts';
import { newId, shortId } from '../lib/ids.ts';
import { timestamp } from '../lib/time.ts';
import { abandon, claimAddresses, lastWins, macOf } from './claims.ts';
import { dnsPolicyOf } from './dns-policy.ts';
import { linksOf } from './links.ts';
import { driverOf, type Parts } from './parts.ts';

/** Who an endpoint is for, as far as it says. */
export type EndpointOwner = Pick<Container, 'id' | 'name' | 'healthy' | 'health'> & {
  readonly spec: Pick<Container['spec'], 'exposedPorts'>;
};

export interface EndpointRequest {
  readonly container: EndpointOwner;
  readonly membership: Membership;
  readonly network: Network;
  readonly service: Service | undefined;
}

/** A container's own place, or one of a shared service's: it takes addresses of its own. */
export async function planOwnEndpoint(parts: Parts, request: EndpointRequest): Promise<Decision<Endpoint>> {
  const { membership, network, service } = request;
  const id = newId();
  const owner = { owner: 'endpoint', id, nodeId: parts.nodeLease.self.id } as const;
  // Before anything is taken, so that it need not be given back.
  openNetwork(parts, network);
  const [v4, v6] = await claimAddresses(parts, network, owner, membership);
  const claims = [v4, v6].filter((claim) => claim !== undefined);
  const mac = membership.mac ?? macOf(claims, driverOf(parts, network)).mac;
  const endpoint: Endpoint = {
    ...common(parts, request, id),
    ...(v4 ? { ipv4: v4.cidr } : {}),
    ...(v6 ? { ipv6: v6.cidr } : {}),
    ...(mac ? { mac } : {}),
  };
  const plan = decisionFor(parts, request, endpoint);
  return {
    result: endpoint,
    checks: [
      ...plan.checks,
      ...(service ? [serviceCheck(parts, service)] : []),
      ...claims.flatMap(({ checks }) => checks),
    ],
    writes: [...plan.writes, ...lastWins(claims.flatMap(({ writes }) => writes))],
    onConflict: (failed) => {
      abandon(claims, failed);
      const wanted = claims.find(({ checks }) => checks.some(({ key }) => key === failed));
      if (wanted && (membership.ipv4 ?? membership.ipv6)) {
        throw new FairleadError(
          'forbidden',
          `Address already in use: ${wanted.cidr} on network ${network.name}`,
        );
      }
    },
  };
}

/** The exclusive service's own endpoint: its key can be created once, so there is one provider at most. */
export async function planServiceEndpoint(
  parts: Parts,
  request: EndpointRequest,
): Promise<Decision<Endpoint>> {
  const { network, service } = request;
  if (!service) throw new FairleadError('internal', 'a service endpoint without a service');
  const endpoint: Endpoint = {
    ...common(parts, request, service.endpointId),
    ...(service.ipv4 ? { ipv4: service.ipv4 } : {}),
    ...(service.ipv6 ? { ipv6: service.ipv6 } : {}),
    ...(service.mac ? { mac: service.mac } : {}),
  };
  const plan = decisionFor(parts, request, endpoint);
  return {
    result: endpoint,
    checks: [...plan.checks, serviceCheck(parts, service)],
    writes: plan.writes,
    onConflict: (failed) => {
      if (failed !== keys.endpoint(network.id, endpoint.id)) return;
      throw alreadyProvided(service, parts.directory.endpointEntry(network.id, endpoint.id)?.record);
    },
  };
}

export function alreadyProvided(service: Service, provider: Endpoint | undefined): FairleadError {
  const who = provider ? `: ${provider.containerName} (${shortId(provider.containerId)})` : '';
  return new FairleadError(
    'conflict',
    `a container has already joined the endpoint of service ${service.name}${who}; detach it first`,
  );
}

export function decisionFor(parts: Parts, { network }: Pick<EndpointRequest, 'network'>, endpoint: Endpoint) {
  const key = keys.endpoint(network.id, endpoint.id);
  const entry = openNetwork(parts, network);
  const lease = parts.nodeLease.lease(network.scope);
  return {
    checks: [
      { key, expect: 'absent' },
      { key: keys.network(network.id), expect: 'version', version: entry.version },
    ],
    writes: [{ op: 'put', key, value: JSON.stringify(endpoint), lease }],
  } as const;
}

export function openNetwork({ directory }: Parts, { id, name, configOnly }: Network) {
  const entry = directory.networkEntry(id);
  if (!entry || entry.record.removing) throw new FairleadError('not-found', `network ${name} not found`);
  if (configOnly) {
    throw new FairleadError('forbidden', `network ${name} is a configuration: it has no endpoints`);
  }
  return entry;
}

function serviceCheck({ directory }: Parts, service: Service) {
  const entry = directory.serviceEntry(service.networkId, service.name);
  if (entry?.record.id !== service.id) {
    throw new FairleadError('not-found', `Service ${service.name} is published no longer`);
  }
  return {
    key: keys.service(service.networkId, service.name),
    expect: 'version',
    version: entry.version,
  } as const;
}

export function common(
  parts: Parts,
  { container, membership, network, service }: EndpointRequest,
  id: string,
) {
  const ports = service && service.ports.length > 0 ? service.ports : container.spec.exposedPorts;
  return {
    id,
    networkId: network.id,
    nodeId: parts.nodeLease.self.id,
    containerId: container.id,
    containerName: container.name,
    name: service?.name ?? container.name,
    ...(service ? { serviceId: service.id } : {}),
    created: timestamp(parts.clock.now()),
    aliases: [...(service?.aliases ?? []), ...membership.aliases],
    ...dnsPolicyOf(membership),
    ...linksOf(membership),
    ports: [...ports],
    healthy: hasNames(container),
  };
}
