import { type EndpointHolder, type EndpointIdentity, endpointFor } from '../../cluster/endpoints/endpoint.ts';
import { keys } from '../../cluster/keys.ts';
import type { Endpoint, Network, Service } from '../../cluster/records.ts';
import type { Decision } from '../../cluster/retry.ts';
import type { Attachment } from '../../container/container.ts';
import { refusesIpv6 } from '../../container/isolation.ts';
import { FairleadError } from '../../lib/errors.ts';
import { newId, shortId } from '../../lib/ids.ts';
import { timestamp } from '../../lib/time.ts';
import { abandon, claimAddresses, lastWins, macOf } from '../addressing/claims.ts';
import { driverOf, type NetworkContext } from '../context.ts';
import type { Networks } from '../model.ts';

export interface EndpointRequest {
  readonly container: EndpointHolder;
  readonly wanted: Attachment;
  readonly network: Network;
  readonly service: Service | undefined;
  /** Where a standby takes an exclusive service over. */
  readonly tookOver?: Endpoint['tookOver'];
}

/** A container's own place, or one of a shared service's: it takes addresses of its own. */
export async function planOwnEndpoint(
  parts: NetworkContext,
  request: EndpointRequest,
): Promise<Decision<Endpoint>> {
  const { container, wanted, network, service } = request;
  const id = newId();
  const owner = { owner: 'endpoint', id, nodeId: parts.nodeLease.self.id } as const;
  // Before anything is taken, so that it need not be given back.
  openNetwork(parts, network);
  const [v4, v6] = await claimAddresses(parts, network, owner, wanted, !refusesIpv6(container.spec));
  const claims = [v4, v6].filter((claim) => claim !== undefined);
  const mac = wanted.mac ?? macOf(claims, driverOf(parts, network)).mac;
  const addresses = {
    ...(v4 ? { ipv4: v4.cidr } : {}),
    ...(v6 ? { ipv6: v6.cidr } : {}),
    ...(mac ? { mac } : {}),
  };
  const own = { ...identity(parts, network, id), ...addresses };
  const endpoint = endpointFor(own, container, wanted, service);
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
      const lost = claims.find(({ checks }) => checks.some(({ key }) => key === failed));
      if (lost && (wanted.ipv4 ?? wanted.ipv6)) {
        throw new FairleadError(
          'forbidden',
          `Address already in use: ${lost.cidr} on network ${network.name}`,
        );
      }
    },
  };
}

/** The exclusive service's own endpoint: its key can be created once, so there is one provider at most. */
export async function planServiceEndpoint(
  parts: NetworkContext,
  request: EndpointRequest,
): Promise<Decision<Endpoint>> {
  const { container, wanted, network, service } = request;
  if (!service) throw new FairleadError('internal', 'a service endpoint without a service');
  const { ipv4, ipv6, mac } = service;
  const families = refusesIpv6(container.spec) ? { ipv4 } : { ipv4, ipv6 };
  const own = { ...identity(parts, network, service.endpointId), ...families, mac };
  const { tookOver } = request;
  const endpoint = { ...endpointFor(own, container, wanted, service), ...(tookOver ? { tookOver } : {}) };
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

class AlreadyProvided extends FairleadError {}

/** Whether it failed because another container has the exclusive service. */
export function isAlreadyProvided(error: unknown): boolean {
  if (error instanceof AlreadyProvided) return true;
  return error instanceof Error && error.cause !== undefined && isAlreadyProvided(error.cause);
}

export function alreadyProvided(service: Service, provider: Endpoint | undefined): FairleadError {
  const who = provider ? `: ${provider.containerName} (${shortId(provider.containerId)})` : '';
  return new AlreadyProvided(
    'conflict',
    `a container has already joined the endpoint of service ${service.name}${who}; detach it first`,
  );
}

function decisionFor(
  parts: NetworkContext,
  { network }: Pick<EndpointRequest, 'network'>,
  endpoint: Endpoint,
) {
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

export function openNetwork({ directory }: NetworkContext, { id, name, configOnly }: Network) {
  const entry = directory.networkEntry(id);
  if (!entry || entry.record.removing) throw new FairleadError('not-found', `network ${name} not found`);
  if (configOnly) {
    throw new FairleadError('forbidden', `network ${name} is a configuration: it has no endpoints`);
  }
  return entry;
}

function serviceCheck({ directory }: NetworkContext, service: Service) {
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

function identity(parts: NetworkContext, network: Network, id: string): EndpointIdentity {
  const created = timestamp(parts.clock.now());
  return { id, networkId: network.id, nodeId: parts.nodeLease.self.id, created };
}

/** Who holds an exclusive service now; a shared one always has room. */
export async function providerOf(
  networks: Pick<Networks, 'endpoints'>,
  service: Service,
  network: Network,
): Promise<Endpoint | undefined> {
  if (service.shared) return undefined;
  return (await networks.endpoints(network.id)).find(({ id }) => id === service.endpointId);
}
