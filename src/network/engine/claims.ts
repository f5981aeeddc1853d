import { hostEndName } from '../../dataplane/names.ts';
import { messageOf } from '../../lib/errors.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { Reservations } from '../networks/reservations.ts';
import type { EngineEndpoints } from '../plugin/endpoints.ts';
import type { PendingEndpoints } from '../plugin/pending-endpoints.ts';
import { type LocalClaims, made } from '../reconcile/local-claims.ts';
import type { EngineAttachments } from './attachments.ts';
import type { EngineConverger } from './converge.ts';
import type { EngineTasks } from './engine-tasks.ts';
import type { EngineNetworks } from './networks.ts';

export interface EngineClaimsDeps {
  readonly parts: NetworkContext;
  readonly engine: EngineSide;
  readonly converger: EngineConverger;
  readonly endpoints: EngineEndpoints;
  readonly pending: PendingEndpoints;
  readonly networks: EngineNetworks;
  readonly attachments: EngineAttachments;
  readonly tasks: EngineTasks;
  readonly reservations: Reservations;
}

/** Where an Engine runs the containers, the links say what it has made, and its containers which of that is in use. */
export function engineClaims(deps: EngineClaimsDeps): LocalClaims {
  const { engine, pending, converger } = deps;
  const endpointIds = () => {
    const linked = [...engine.links.endpoints().values()].map(({ endpoint }) => endpoint.id);
    return new Set([...linked, ...pending.ids()]);
  };
  return {
    assert: ({ id }) => converger.follow(id),
    complete: () => engine.host.status().complete,
    async settle() {
      await removeUnused(deps);
      deps.tasks.run('services that are gone', () => deps.attachments.letGoOfLost());
      deps.tasks.run('networks of the Engine', () => deps.networks.sync());
      if (deps.parts.directory.complete())
        deps.tasks.run('reserved subnets', () => deps.reservations.sweep('global'));
    },
    endpointIds,
    hostEnds: () => new Set([...endpointIds()].map((id) => hostEndName(engine.tag, id))),
  };
}

/**
 * Endpoints that the Engine unmade while this daemon was away: it asks once, and does not ask again. Not while the
 * Engine is away itself, or busy with a container, when not all is known.
 */
async function removeUnused({ parts, engine, endpoints, pending }: EngineClaimsDeps): Promise<void> {
  if (!engine.host.status().complete) return;
  const used = new Set(made(parts).flatMap(({ endpoint }) => endpoint?.id ?? []));
  const spared = pending.ids();
  for (const [engineId, { endpoint }] of [...engine.links.endpoints()]) {
    if (used.has(endpoint.id) || spared.has(endpoint.id)) continue;
    await endpoints
      .remove(engineId)
      .catch((error: unknown) => parts.log.error({ err: error }, `left-over endpoint: ${messageOf(error)}`));
  }
}
