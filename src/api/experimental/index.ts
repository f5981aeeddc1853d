import type { FastifyInstance } from 'fastify';
import type { Model } from '../../network/model.ts';
import { endpointRoutes } from './endpoints.ts';
import { networkRoutes } from './networks.ts';
import { sandboxRoutes } from './sandboxes.ts';
import { serviceRoutes } from './services.ts';

/** The HTTP API of 2015: mid-2015's shape, with what the last one added where they do not clash. */
export function experimentalRoutes(app: FastifyInstance, model: Model): void {
  networkRoutes(app, model);
  endpointRoutes(app, model);
  serviceRoutes(app, model);
  sandboxRoutes(app, model);
}
