import type { FastifyReply } from 'fastify';
import type { Candidate, Endpoint, Network, Service } from '../../cluster/records.ts';
import { withoutPrefix } from '../../lib/addresses.ts';
import { shortId } from '../../lib/ids.ts';
import type { ImplicitService, ServiceView } from '../../network/model.ts';

/** A service of 2015 is `{"name","id","network"}`; the other members are ours. */
export interface ServiceJson {
  readonly name: string;
  readonly id: string;
  readonly network: string;
  readonly network_id: string;
  readonly providers: readonly ProviderJson[];
  readonly shared: boolean;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly aliases: readonly string[];
  /** A container's own place on a network, not a published service. */
  readonly implicit: boolean;
  /** Of an exclusive service with standbys, the first in line first. */
  readonly candidates: readonly CandidateJson[];
}

interface CandidateJson {
  readonly container_id: string;
  readonly container_name: string;
  readonly node: string;
  readonly since: string;
  /** Its health check does not speak against it. */
  readonly ready: boolean;
  /** It comes first whenever it is ready, whoever was attached before it. */
  readonly preempts: boolean;
}

interface ProviderJson {
  readonly container_id: string;
  readonly container_name: string;
  readonly node: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** Since when it has the service or its place, RFC 3339. */
  readonly since: string;
  /** Of a standby that took the service over. */
  readonly took_over?: { readonly from: string; readonly why: string };
}

export function serviceJson({ service, network, providers, candidates }: ServiceView): ServiceJson {
  const { shared, promoted } = service;
  const standing = candidates.map((one) => candidateJson(one, promoted));
  return jsonOf(service, network, providers, { shared, implicit: false, candidates: standing });
}

export function implicitJson({ endpoint, network }: ImplicitService): ServiceJson {
  return jsonOf(endpoint, network, [endpoint], { shared: false, implicit: true, candidates: [] });
}

function jsonOf(
  { name, id, ipv4, ipv6, aliases }: Pick<Service, 'name' | 'id' | 'ipv4' | 'ipv6' | 'aliases'>,
  network: Network,
  providers: readonly Endpoint[],
  rest: Pick<ServiceJson, 'shared' | 'implicit' | 'candidates'>,
): ServiceJson {
  return {
    name,
    id,
    network: network.name,
    network_id: network.id,
    providers: providers.map(providerJson),
    ipv4: withoutPrefix(ipv4 ?? ''),
    ipv6: withoutPrefix(ipv6 ?? ''),
    aliases,
    ...rest,
  };
}

/** The JSON of published services and of implicit endpoints. */
export interface Shapes<T> {
  published(view: ServiceView): T;
  implicit(view: ImplicitService): T;
}

export const full: Shapes<ServiceJson> = { published: serviceJson, implicit: implicitJson };

/**
 * The cells of a row of `service ls`, tab-separated, ids cut as there: of ten thousand services a tenth of what is to
 * be said.
 */
export const brief: Shapes<string> = {
  published: ({ service, network, providers }) => rowOf(service, network.name, providers),
  implicit: ({ endpoint, network }) => rowOf(endpoint, network.name, [endpoint]),
};

function rowOf(
  { name, id }: { readonly name: string; readonly id: string },
  network: string,
  providers: readonly Endpoint[],
): string {
  const containers = providers.map(({ containerId }) => shortId(containerId)).join(',');
  return `${shortId(id)}\t${name}\t${network}\t${containers}\n`;
}

function candidateJson(
  { containerId, containerName, nodeId, since, ready }: Candidate,
  promoted: Service['promoted'],
): CandidateJson {
  return {
    container_id: containerId,
    container_name: containerName,
    node: nodeId,
    since,
    ready,
    preempts: promoted?.containerId === containerId && promoted.preempt,
  };
}

function providerJson({
  containerId,
  containerName,
  nodeId,
  ipv4,
  ipv6,
  created,
  tookOver,
}: Endpoint): ProviderJson {
  return {
    container_id: containerId,
    container_name: containerName,
    node: nodeId,
    ipv4: withoutPrefix(ipv4 ?? ''),
    ipv6: withoutPrefix(ipv6 ?? ''),
    since: created,
    ...(tookOver ? { took_over: tookOver } : {}),
  };
}

/** Go wrote an empty list as null (docker-facts 2). */
export function listJson<T>(items: readonly T[]): readonly T[] | null {
  return items.length === 0 ? null : items;
}

/** The sandbox key of 2015, which joins and attaches answer with. */
export function sandboxKey(containerId: string): string {
  return `/var/run/docker/netns/${containerId.slice(0, 12)}`;
}

/** Fastify takes a text for plain text: an id is sent as the JSON string that it is. */
export function sendJson(reply: FastifyReply, value: string): FastifyReply {
  return reply.type('application/json').send(JSON.stringify(value));
}
