import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from './deps.ts';
import { containerRoutes } from './docker/containers/containers.ts';
import { topRoute } from './docker/containers/top.ts';
import { updateRoute } from './docker/containers/update.ts';
import { Images } from './docker/images/image-names.ts';
import { imageRoutes } from './docker/images/images.ts';
import { networkRoutes } from './docker/networks/networks.ts';
import { attachOutputRoute, attachRoute } from './docker/streams/attach.ts';
import { containerStreamRoutes } from './docker/streams/container-streams.ts';
import { execRoutes, execUpgrade } from './docker/streams/exec.ts';
import { ExecTable } from './docker/streams/exec-table.ts';
import { Terminals } from './docker/streams/terminals.ts';
import { diskUsageRoutes } from './docker/system/disk-usage.ts';
import { eventRoutes } from './docker/system/events.ts';
import { pluginRoutes } from './docker/system/plugins.ts';
import { swarmServiceRoutes } from './docker/system/swarm-services.ts';
import { systemRoutes } from './docker/system/system.ts';
import { unsupportedRoutes } from './docker/unsupported.ts';
import { volumeRoutes } from './docker/volumes.ts';
import type { UpgradeRoute } from './http/listeners/upgrade.ts';
import { limits, Shares } from './http/shares.ts';
import { appRoutes } from './native/apps.ts';
import { dnsRoutes } from './native/dns.ts';
import { doctorRoutes } from './native/doctor.ts';
import { metricsRoute } from './native/metrics.ts';
import { nodesRoute } from './native/nodes.ts';
import { topologyRoute } from './native/topology/topology.ts';
import { watchRoute } from './native/topology/watch.ts';
import { proxyRoutes } from './proxy/index.ts';
import { refreshContainer } from './proxy/refresh-container.ts';

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
      if (deps.upstream) proxyRoutes(app, deps, deps.upstream, eventOptions);
      else {
        systemRoutes(app, deps, images);
        diskUsageRoutes(app, model, images, deps.volumes);
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
      networkRoutes(app, model, refreshContainer(model, deps.upstream));
      swarmServiceRoutes(app, model);
      appRoutes(app, deps.apps);
      dnsRoutes(app, deps);
      doctorRoutes(app, model);
      metricsRoute(app, deps);
      nodesRoute(app, deps);
      topologyRoute(app, deps);
      watchRoute(app, { feed: deps.topology.feed, clock: model.clock }, eventOptions);
      deps.hooks?.routes(app);
    },
    upgrades: [attachRoute(attach), execUpgrade(execDeps)],
    close: () => execs.close(),
  };
}
