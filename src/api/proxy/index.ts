import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import type { EventOptions } from '../docker/system/events.ts';
import { createThroughRoute } from './create.ts';
import { eventsThroughRoute } from './events.ts';
import { systemThroughRoutes } from './system.ts';
import type { Upstream } from './upstream.ts';

/** The calls that beside an Engine are put together from its answers and our own; all others are one's or the other's. */
export function proxyRoutes(
  app: FastifyInstance,
  deps: ApiDeps,
  upstream: Upstream,
  events: EventOptions,
): void {
  systemThroughRoutes(app, deps, upstream);
  createThroughRoute(app, deps.model, upstream);
  eventsThroughRoute(app, deps.model.events, upstream, events);
}
