import type { FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify';
import * as z from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import type { Containers } from '../../network/model.ts';

/** Calls of the Engine API that Fairlead does not offer; whatever is not even here is an unknown page. */
const notOffered: readonly (readonly [HTTPMethods, ...string[]])[] = [
  ['POST', '/build', '/build/cancel', '/commit', '/session', '/grpc'],
  ['POST', '/images/load'],
  ['GET', '/images/search', '/images/get', '/distribution/*'],
  ['POST', '/plugins/*', '/swarm/init', '/swarm/join'],
  ['DELETE', '/plugins/*'],
];

/** The same for a container; as in the Engine, "No such container" comes first. */
const notOfContainers: typeof notOffered = [
  ['GET', 'stats', 'changes', 'export', 'archive', 'attach/ws'],
  ['HEAD', 'archive'],
  ['PUT', 'archive'],
  ['POST', 'pause', 'unpause', 'copy'],
];

/** The Engine's words where it is in no swarm, which is what clients look for. */
const ofSwarms: typeof notOffered = [
  ['GET', '/swarm', '/swarm/unlockkey', '/nodes', '/nodes/:id', '/tasks', '/tasks/:id', '/tasks/:id/logs'],
  ['GET', '/secrets', '/secrets/:id', '/configs', '/configs/:id', '/services/:id/logs'],
  ['POST', '/swarm/leave', '/swarm/update', '/swarm/unlock', '/services/create', '/services/:id/update'],
  ['POST', '/nodes/:id/update', '/secrets/create', '/secrets/:id/update', '/configs/create'],
  ['POST', '/configs/:id/update'],
  ['DELETE', '/nodes/:id', '/secrets/:id', '/configs/:id', '/services/:id'],
];
const noSwarm =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

/** Clients go on after "not supported" where they ask several kinds of objects in turn (`docker inspect`). */
export function unsupportedRoutes(app: FastifyInstance, containers: Pick<Containers, 'find'>): void {
  const refuse = (method: HTTPMethods, url: string, why: (request: FastifyRequest) => FairleadError) => {
    app.route({
      method,
      url,
      // Before the body, which may be all the files of a build.
      async onRequest(request) {
        throw why(request);
      },
      async handler() {},
    });
  };
  for (const [method, ...urls] of notOffered) for (const url of urls) refuse(method, url, notSupported);
  for (const [method, ...parts] of notOfContainers) {
    for (const part of parts) {
      refuse(method, `/containers/:ref/${part}`, (request) => {
        containers.find(z.object({ ref: z.string() }).parse(request.params).ref);
        return notSupported(request);
      });
    }
  }
  for (const [method, ...urls] of ofSwarms) {
    for (const url of urls) refuse(method, url, () => new FairleadError('unavailable', noSwarm));
  }
}

function notSupported({ method, originalUrl }: FastifyRequest): FairleadError {
  return new FairleadError(
    'unsupported',
    `${method} ${originalUrl.split('?')[0]} is not supported by Fairlead`,
  );
}
