import { hostEndName } from '../../dataplane/names.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Holdings } from '../holdings.ts';
import type { EngineSide, Parts } from '../parts.ts';
import type { EngineConnections } from './connections.ts';
import type { EngineEndpoints } from './endpoints.ts';
import type { Errands } from './errands.ts';
import type { EndpointNames } from './names.ts';
import type { EngineNetworks } from './networks.ts';
import type { PendingEndpoints } from './pending-endpoints.ts';

export interface EngineHoldingsDeps {
  readonly parts: Parts;
  readonly engine: EngineSide;
  readonly names: EndpointNames;
  readonly endpoints: EngineEndpoints;
  readonly pending: PendingEndpoints;
  readonly networks: EngineNetworks;
  readonly connections: EngineConnections;
  readonly errands: Errands;
}

/** Where an Engine runs the containers, the links say what it has made, and its containers which of that is in use. */
export function engineHoldings(deps: EngineHoldingsDeps): Holdings {
  const { engine, pending, names } = deps;
  const endpointIds = () => {
    const linked = [...engine.links.endpoints().values()].map(({ endpointId }) => endpointId);
    return new Set([...linked, ...pending.ids()]);
  };
  return {
    async assert(container) {
      if (container.state.status === 'running') await names.assert(container);
    },
    complete: () => engine.host.status().complete,
    async settle() {
      await removeUnused(deps);
      deps.errands.run('services that are gone', () => deps.connections.letGoOfLost());
      deps.errands.run('networks of the Engine', () => deps.networks.sync());
    },
    endpointIds,
    hostEnds: () => new Set([...endpointIds()].map((id) => hostEndName(engine.tag, id))),
  };
}

/**
 * Endpoints that the Engine unmade while this daemon was away: it asks once, and does not ask again. Not while the
 * Engine is away itself, or busy with a container, when not all is known.
 */
async function removeUnused({ parts, engine, endpoints, pending }: EngineHoldingsDeps): Promise<void> {
  if (!engine.host.status().complete) return;
  const running = parts.runtime.list().filter(({ state }) => state.status === 'running');
  const used = new Set(
    running.flatMap(({ memberships }) => memberships.flatMap(({ joined }) => joined?.endpointId ?? [])),
  );
  const spared = pending.ids();
  for (const [engineId, { endpointId }] of [...engine.links.endpoints()]) {
    if (used.has(endpointId) || spared.has(endpointId)) continue;
    await endpoints
      .remove(engineId)
      .catch((error: unknown) => parts.log.error(`left-over endpoint: ${messageOf(error)}`));
  }
}
