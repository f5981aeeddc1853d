import { isDeepStrictEqual } from 'node:util';
import { keys } from '../../cluster/keys.ts';
import {
  type DnsPolicy,
  dnsPolicies,
  type Endpoint,
  type Network,
  type Service,
} from '../../cluster/records.ts';
import { commitWithRetry } from '../../cluster/retry.ts';
import type { Container, Membership } from '../../container/runtime.ts';
import { isKind, messageOf } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { parseName } from '../../lib/names.ts';
import type { Naming } from '../aliases.ts';
import { dnsPolicyOption } from '../dns-policy.ts';
import type { EndpointRecords } from '../endpoint-records.ts';
import type { Participation } from '../participation.ts';
import type { EngineSide, Parts } from '../parts.ts';
import type { Errands } from './errands.ts';
import type { Namings } from './namings.ts';

export interface EndpointNamesDeps {
  readonly parts: Parts;
  readonly engine: EngineSide;
  readonly records: EndpointRecords;
  readonly participation: Participation;
  readonly namings: Namings;
  readonly errands: Errands;
}

/** Gives the endpoints that the Engine has made their containers' names, aliases and health, and keeps them so. */
export class EndpointNames {
  constructor(private readonly deps: EndpointNamesDeps) {}

  /** Adds these names on the container's own places on our networks, instead of those before. */
  async setAliases(containerId: string, naming: Naming): Promise<void> {
    for (const name of naming.aliases) parseName('alias', name);
    if (isDeepStrictEqual(naming, this.deps.namings.of(containerId))) return;
    if (naming.aliases.length > 0) await this.deps.namings.set(containerId, naming);
    else await this.deps.namings.drop(containerId);
    await this.follow(containerId);
  }

  /** The container was removed. */
  async forget(containerId: string): Promise<void> {
    if (this.deps.namings.of(containerId).aliases.length > 0) await this.deps.namings.drop(containerId);
  }

  /** After: the container's endpoints say what is known of it. What fails is logged, and tried again by reconcile. */
  async follow(containerId: string): Promise<void> {
    await this.deps.parts.queue.run(`names ${containerId}`, async () => {
      const container = this.deps.parts.runtime.get(containerId);
      if (container?.state.status !== 'running') return;
      for (const place of container.memberships) {
        const network = this.deps.parts.directory.network(place.network);
        if (place.joined && network) {
          await this.#attempt(container, place, () => this.#name(container, place, network));
        }
      }
    });
  }

  /** The same, and puts again what the store has lost. `false`: the place was given to somebody else meanwhile. */
  async assert(container: Container): Promise<void> {
    await this.deps.parts.queue.run(`names ${container.id}`, async () => {
      for (const place of container.memberships) {
        const network = this.deps.parts.directory.network(place.network);
        if (!place.joined || !network) continue;
        await this.#attempt(container, place, () => this.#assert(container, place, network));
      }
    });
  }

  async #assert(container: Container, place: Membership, network: Network): Promise<void> {
    const { joined } = place;
    if (!joined) return;
    await this.deps.participation.during(network, async () => {
      const shown = this.deps.parts.directory.endpointEntry(network.id, joined.endpointId)?.record;
      const endpoint = shown ?? this.deps.records.recall(container, network, joined, place.serviceId);
      // A placeholder is this container's, whatever it says: the link knows.
      const named = this.#wanted(container, place, endpoint);
      const same = shown && isPlaceholder(shown) ? shown : named;
      await this.deps.records.reassert(network, same, place).catch((error: unknown) => {
        const lost = isKind(error, 'conflict') || isKind(error, 'not-found');
        throw lost ? new LostPlace(messageOf(error)) : error;
      });
      await this.#name(container, place, network);
    });
  }

  async #name(container: Container, place: Membership, { scope, id: networkId }: Network): Promise<void> {
    const { joined } = place;
    if (!joined) return;
    const { directory, nodeLease } = this.deps.parts;
    await commitWithRetry(directory, scope, `name ${container.name}`, async () => {
      const entry = directory.endpointEntry(networkId, joined.endpointId);
      const wanted = entry && this.#wanted(container, place, entry.record);
      if (!entry || entry.record.nodeId !== nodeLease.self.id || isDeepStrictEqual(wanted, entry.record)) {
        return { result: undefined, checks: [], writes: [] };
      }
      const key = keys.endpoint(networkId, joined.endpointId);
      return {
        result: undefined,
        checks: [{ key, expect: 'version', version: entry.version }],
        writes: [{ op: 'put', key, value: JSON.stringify(wanted), lease: nodeLease.lease(scope) }],
      };
    });
  }

  #wanted(container: Container, place: Membership, record: Endpoint): Endpoint {
    const naming = this.#namingOf(container.id, record);
    const dnsPolicy = naming.dnsPolicy ?? policyOf(place);
    const service = this.#serviceOf(place, record);
    const ports = service && service.ports.length > 0 ? service.ports : container.spec.exposedPorts;
    const { dnsPolicy: _, serviceId: __, ...lasting } = record;
    return {
      ...lasting,
      containerId: container.id,
      containerName: container.name,
      name: service?.name ?? container.name,
      ...(service ? { serviceId: service.id } : {}),
      aliases: [...new Set([...(service?.aliases ?? []), ...place.aliases, ...naming.aliases])],
      ...(dnsPolicy ? { dnsPolicy } : {}),
      ports: [...ports],
      healthy: container.healthy ?? true,
    };
  }

  /** Of an exclusive service the endpoint's id tells, of a shared one what was asked for. */
  #serviceOf({ serviceId }: Membership, { id }: Endpoint): Service | undefined {
    const services = this.deps.parts.directory.services();
    return services.find((one) => (one.shared ? one.id === serviceId : one.endpointId === id));
  }

  /** Of services that it backs none is touched. */
  #namingOf(containerId: string, { serviceId }: Endpoint): Naming {
    return serviceId === undefined ? this.deps.namings.of(containerId) : { aliases: [] };
  }

  /** In turn with the endpoint's removal (endpoints.ts), after which nothing may put it again. */
  async #whileLinked({ joined }: Membership, step: () => Promise<void>): Promise<void> {
    if (!joined) return;
    await this.deps.parts.queue.run(endpointTurn(joined.endpointId), async () => {
      const links = [...this.deps.engine.links.endpoints().values()];
      if (links.some(({ endpointId }) => endpointId === joined.endpointId)) await step();
    });
  }

  async #attempt(container: Container, place: Membership, step: () => Promise<void>): Promise<void> {
    try {
      await this.#whileLinked(place, step);
    } catch (error) {
      // With the KV store away there is nothing to be said against this place.
      if (isKind(error, 'unavailable')) return;
      const network = this.deps.parts.directory.network(place.network);
      const where = `network ${network?.name ?? shortId(place.network)}`;
      if (error instanceof LostPlace) this.#lose(container, place, where, error.message);
      else this.deps.parts.log.error(`container ${container.name} on ${where}: ${messageOf(error)}`);
    }
  }

  /** What went to somebody else while this node was away is let go of, and people must be able to find out. */
  #lose(container: Container, place: Membership, where: string, reason: string): void {
    const { parts, engine, errands } = this.deps;
    parts.log.warn(`container ${container.name} is detached from ${where}: ${reason}`);
    const engineNetwork = engine.links.engineNetworkOf(place.network);
    if (engineNetwork === undefined) return;
    errands.run(`disconnect ${container.name} from ${where}`, () =>
      engine.host.disconnect(engineNetwork, container.id),
    );
  }
}

/** Somebody else has it now. */
class LostPlace extends Error {}

/** What is done to one endpoint's record is done in turn. */
export function endpointTurn(endpointId: string): string {
  return `endpoint ${endpointId}`;
}

/** The Engine takes any text for an endpoint's option. */
function policyOf(place: Membership): DnsPolicy | undefined {
  const text = place.driverOptions?.[dnsPolicyOption];
  return dnsPolicies.find((policy) => policy === text);
}

function isPlaceholder({ containerName, id }: Endpoint): boolean {
  return containerName === `starting-${shortId(id)}`;
}
