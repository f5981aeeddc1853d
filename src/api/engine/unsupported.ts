import type { FastifyInstance, HTTPMethods } from 'fastify';
import { FairleadError } from '../../lib/errors.ts';

/** Calls of the Engine API that Fairlead does not offer; whatever is not even here is an unknown page. */
const notOffered: readonly (readonly [HTTPMethods, ...string[]])[] = [
  [
    'GET',
    '/containers/:ref/top',
    '/containers/:ref/stats',
    '/containers/:ref/changes',
    '/containers/:ref/export',
  ],
  ['GET', '/containers/:ref/archive', '/containers/:ref/attach/ws'],
  ['HEAD', '/containers/:ref/archive'],
  ['PUT', '/containers/:ref/archive'],
  [
    'POST',
    '/containers/:ref/pause',
    '/containers/:ref/unpause',
    '/containers/:ref/update',
    '/containers/:ref/copy',
  ],
  ['POST', '/build', '/build/prune', '/build/cancel', '/commit', '/session', '/grpc', '/auth'],
  ['POST', '/images/load', '/images/prune', '/images/*', '/volumes/create'],
  ['DELETE', '/images/*'],
  ['GET', '/system/df', '/distribution/*', '/plugins', '/plugins/*', '/swarm', '/swarm/unlockkey'],
  ['POST', '/plugins/*', '/swarm/*', '/services/create', '/services/:id/update'],
  ['DELETE', '/plugins/*', '/services/:id', '/nodes/:id', '/secrets/:id', '/configs/:id'],
  [
    'GET',
    '/nodes',
    '/nodes/:id',
    '/secrets',
    '/secrets/:id',
    '/configs',
    '/configs/:id',
    '/tasks',
    '/tasks/:id',
  ],
  ['GET', '/services/:id', '/services/:id/logs', '/tasks/:id/logs'],
  [
    'POST',
    '/nodes/:id/update',
    '/secrets/create',
    '/secrets/:id/update',
    '/configs/create',
    '/configs/:id/update',
  ],
];

/** Clients go on after "not supported" where they ask several kinds of objects in turn (`docker inspect`). */
export function unsupportedRoutes(app: FastifyInstance): void {
  for (const [method, ...urls] of notOffered) {
    for (const url of urls) {
      app.route({
        method,
        url,
        async handler(request) {
          const path = request.originalUrl.split('?')[0];
          throw new FairleadError('unsupported', `${method} ${path} is not supported by Fairlead`);
        },
      });
    }
  }
}
