import { messageOf } from '../../lib/errors.ts';
import { apart } from '../../lib/locks.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import { NativeNetworks } from '../networks/native-networks.ts';
import { Reservations } from '../networks/reservations.ts';
import { EngineEndpoints } from '../plugin/endpoints.ts';
import { PendingEndpoints } from '../plugin/pending-endpoints.ts';
import { createPlugin } from '../plugin/plugin.ts';
import { EnginePools } from '../plugin/pools.ts';
import { AliasOverrides } from './alias-overrides.ts';
import { EngineAttachments } from './attachments.ts';
import { engineClaims } from './claims.ts';
import { EngineContainers } from './containers.ts';
import { EngineConverger } from './converge.ts';
import { EndpointRecords } from './endpoint-records.ts';
import { EngineModeNetworks } from './engine-mode-networks.ts';
import { EngineTasks } from './engine-tasks.ts';
import { EngineNetworks } from './networks.ts';
import { SwarmLeave } from './swarm-leave.ts';

/** The use cases where an Engine runs the containers (UseCases in use-cases.ts). */
export async function engineMode(parts: NetworkContext, engine: EngineSide, endpointStore: EndpointStore) {
  const tasks = new EngineTasks(parts.log);
  const own = new NativeNetworks(parts, engine);
  const networks = new EngineModeNetworks(parts, own, () => known, engine);
  const swarmLeave = new SwarmLeave({ parts, engine, tasks });
  const reservations = new Reservations(parts);
  await reservations.load();
  const pools = new EnginePools(parts, parts.directory.stores.local, reservations);
  await pools.load();
  const known = new EngineNetworks({ parts, engine, networks, own, pools, reservations, swarmLeave });
  await known.load();
  const pending = new PendingEndpoints(parts, endpointStore);
  const overrides = new AliasOverrides(parts.directory.stores.local);
  await overrides.load((id) => !engine.host.status().reachable || parts.runtime.get(id) !== undefined);
  const common = { parts, engine, endpoints: endpointStore, pending };
  const records = new EndpointRecords({ ...common, overrides });
  const converger = new EngineConverger({ ...common, networks, records, tasks });
  const endpoints = new EngineEndpoints(common);
  const attachments = new EngineAttachments(parts, networks, endpointStore, converger, overrides);
  return {
    networks,
    attachments,
    containers: new EngineContainers(parts, networks, attachments),
    claims: engineClaims({
      parts,
      engine,
      converger,
      endpoints,
      pending,
      networks: known,
      attachments,
      tasks,
      reservations,
    }),
    plugin: createPlugin({ parts, engine, networks: known, endpoints, pending, pools }),
    begin(reconcile: () => void) {
      followEngine(parts, engine, { converger, overrides, reconcile, swarmLeave });
      known.start();
      tasks.begin();
    },
    facts: () => swarmLeave.facts(),
    async close() {
      await known.close();
      await tasks.close();
    },
  };
}

interface Following {
  readonly converger: EngineConverger;
  readonly overrides: AliasOverrides;
  readonly reconcile: () => void;
  readonly swarmLeave: SwarmLeave;
}

/** Endpoints follow what the Engine says of its containers; its events are ours too. */
function followEngine(
  parts: NetworkContext,
  { host, links }: EngineSide,
  { converger, overrides, reconcile, swarmLeave }: Following,
): void {
  host.onChange((change) => {
    // What it did while it was not followed is not in its events.
    if (change.kind === 'reached') {
      reconcile();
      const { address, version = '' } = host.status();
      parts.events.emit({
        Type: 'daemon',
        Action: 'engine-reached',
        Actor: { ID: address, Attributes: { version } },
      });
    }
    if (change.kind === 'container') {
      const { before, after } = change;
      if (before && after) swarmLeave.containerChanged(before, after);
      const followed = after ? apart(() => converger.follow(after.id)) : overrides.drop(before?.id ?? '');
      followed.catch((error: unknown) =>
        parts.log.error({ err: error }, `container ${(after ?? before)?.name}: ${messageOf(error)}`),
      );
    }
    if (change.kind !== 'event') return;
    const { type, action, id, attributes } = change;
    if (type === 'network' && action === 'disconnect')
      apart(() => swarmLeave.disconnected(id, attributes.container ?? ''));
    const ours = type === 'network' ? links.networkOf(id) : undefined;
    // Of its own networks it tells itself; of creation and removal of ours is told where they are created and removed.
    if (type === 'network' && (!ours || !['connect', 'disconnect'].includes(action))) return;
    const ID = ours ?? id;
    parts.events.emit({
      Type: type,
      Action: action,
      Actor: { ID, Attributes: attributes },
    });
  });
}
