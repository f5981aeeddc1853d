import type { FastifyInstance } from 'fastify';
import { appRoutes } from '../apps/routes.ts';
import type { ApiDeps } from '../deps.ts';
import { dnsRoutes } from '../fairlead/dns.ts';
import { doctorRoutes } from '../fairlead/doctor.ts';
import { metricsRoute } from '../fairlead/metrics.ts';
import { nodesRoute } from '../fairlead/nodes.ts';
import { throughRoutes } from '../host-engine/index.ts';
import { lookAt } from '../host-engine/looking.ts';
import { limits, Shares } from '../shares.ts';
import type { UpgradeRoute } from '../upgrade.ts';
import { attachOutputRoute, attachRoute } from './attach.ts';
import { containerStreamRoutes } from './container-streams.ts';
import { containerRoutes } from './containers.ts';
import { diskUsageRoutes } from './disk-usage.ts';
import { eventRoutes } from './events.ts';
import { execRoutes, execUpgrade } from './exec.ts';
import { ExecTable } from './exec-table.ts';
import { Images } from './image-names.ts';
import { imageRoutes } from './images.ts';
import { networkRoutes } from './networks.ts';
import { pluginRoutes } from './plugins.ts';
import { swarmServiceRoutes } from './swarm-services.ts';
import { systemRoutes } from './system.ts';
import { Terminals } from './terminals.ts';
import { topRoute } from './top.ts';
import { unsupportedRoutes } from './unsupported.ts';
import { updateRoute } from './update.ts';
import { volumeRoutes } from './volumes.ts';

export interface EngineApi {
  register(app: FastifyInstance): void;
  readonly upgrades: readonly UpgradeRoute[];
  close(): void;
}

/** Every call of the Engine API, and Fairlead's own beside them. */
export function createEngineApi(deps: ApiDeps, closing: AbortSignal): EngineApi {
  const { model } = deps;
  const { containers } = model;
  const terminals = new Terminals();
  const images = new Images(containers, model.clock);
  const execs = new ExecTable(limits.execsOfContainer, model.clock);
  const eventOptions = { closing, readers: new Shares(limits.eventReaders, 'event readers') };
  const streams = new Shares(limits.streamsOfContainer, 'attached clients and log readers');
  const attach = { containers, events: model.events, terminals, streams, closing };
  const execDeps = { containers, execs, terminals, events: model.events };
  return {
    register(app) {
      if (deps.upstream) throughRoutes(app, deps, deps.upstream, eventOptions);
      else {
        systemRoutes(app, deps, images);
        diskUsageRoutes(app, model, images);
        containerRoutes(app, model, deps.volumes);
        containerStreamRoutes(app, attach);
        attachOutputRoute(app, attach);
        execRoutes(app, execDeps);
        eventRoutes(app, model.events, eventOptions);
        imageRoutes(app, images);
        volumeRoutes(app, deps.volumes, containers);
        pluginRoutes(app);
        topRoute(app, model);
        updateRoute(app, model);
        unsupportedRoutes(app, containers);
      }
      networkRoutes(app, model, lookAt(model, deps.upstream));
      swarmServiceRoutes(app, model);
      appRoutes(app, deps.apps);
      dnsRoutes(app, deps);
      doctorRoutes(app, model);
      metricsRoute(app, deps);
      nodesRoute(app, deps);
      deps.hooks?.routes(app);
    },
    upgrades: [attachRoute(attach), execUpgrade(execDeps)],
    close: () => execs.close(),
  };
}
