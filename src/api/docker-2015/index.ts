import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { refreshContainer } from '../proxy/refresh-container.ts';
import { endpointRoutes } from './endpoints.ts';
import { networkRoutes } from './networks.ts';
import { sandboxRoutes } from './sandboxes.ts';
import { serviceRoutes } from './services.ts';

/** The HTTP API of 2015: mid-2015's shape, with what the last one added where they do not clash. */
export function experimentalRoutes(
  app: FastifyInstance,
  { model, upstream }: Pick<ApiDeps, 'model' | 'upstream'>,
): void {
  networkRoutes(app, model);
  endpointRoutes(app, model);
  serviceRoutes(app, model, refreshContainer(model, upstream));
  sandboxRoutes(app, model);
}
