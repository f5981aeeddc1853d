import type { FastifyInstance } from 'fastify';
import type { Network } from '../../cluster/records.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Model } from '../../network/model.ts';
import { flagOf, queryOf } from '../http/query.ts';
import { readAttach, readForce, readPublish } from './bodies.ts';
import { networkById } from './named.ts';
import { implicitJson, listJson, type ServiceJson, sandboxKey, sendJson, serviceJson } from './shapes.ts';

type Id = { Params: { id: string } };
type Endpoint = { Params: { id: string; endpoint: string } };
type Joined = { Params: { id: string; endpoint: string; container: string } };

/** What 2015 called a network's endpoints: its services, and its containers' own places. */
export async function endpointsOf({ services }: Model, { id }: Network): Promise<readonly ServiceJson[]> {
  const filter = { networkRef: id };
  const [published, implicit] = await Promise.all([services.list(filter), services.implicit(filter)]);
  return [...published.map(serviceJson), ...implicit.map(implicitJson)];
}

/** /networks/ID/endpoints: a service seen from its network; joining one is attaching. */
export function endpointRoutes(app: FastifyInstance, model: Model): void {
  const { services } = model;
  app.get<Id>('/networks/:id/endpoints', async (request) => {
    const endpoints = await endpointsOf(model, networkById(model, request.params.id));
    return listJson(selectEndpoints(endpoints, queryOf(request)));
  });
  app.post<Id>('/networks/:id/endpoints', async (request, reply) => {
    const { name, options } = readPublish(request);
    const network = networkById(model, request.params.id);
    const view = await services.publishOn(network.id, name, options);
    return sendJson(reply.code(201), view.service.id);
  });
  app.get<Endpoint>('/networks/:id/endpoints/:endpoint', async (request) => find(model, request.params));
  app.delete<Endpoint>('/networks/:id/endpoints/:endpoint', async (request, reply) => {
    const { id } = await findService(model, request.params);
    await services.unpublish(id, { force: flagOf(queryOf(request), 'force') || readForce(request) });
    return reply.code(200).send();
  });
  joinRoutes(app, model);
}

/** `containers` was mid-2015's word, `sandboxes` the last one's; a container's id is its sandbox's here. */
function joinRoutes(app: FastifyInstance, model: Model): void {
  const { services, containers } = model;
  for (const members of ['containers', 'sandboxes']) {
    app.post<Endpoint>(`/networks/:id/endpoints/:endpoint/${members}`, async (request, reply) => {
      const { container, standby } = readAttach(request);
      const { id } = await findService(model, request.params);
      await services.attach(id, container, { standby });
      return sendJson(reply.code(200), sandboxKey(containers.find(container).id));
    });
    app.delete<Joined>(`/networks/:id/endpoints/:endpoint/${members}/:container`, async (request, reply) => {
      const { id } = await findService(model, request.params);
      await services.detach(id, request.params.container);
      return reply.code(200).send();
    });
  }
}

function selectEndpoints(endpoints: readonly ServiceJson[], query: URLSearchParams): readonly ServiceJson[] {
  const name = query.get('name');
  const partial = query.get('partial-id');
  if (name) return endpoints.filter((endpoint) => endpoint.name === name);
  return partial ? endpoints.filter(({ id }) => id.startsWith(partial)) : endpoints;
}

async function find(
  model: Model,
  ids: { readonly id: string; readonly endpoint: string },
): Promise<ServiceJson> {
  const endpoints = await endpointsOf(model, networkById(model, ids.id));
  const found = endpoints.find(({ id }) => id === ids.endpoint);
  if (!found) throw new FairleadError('not-found', 'Resource not found: Endpoint');
  return found;
}

/** A container's own place is not joined or removed by hand. @throws not-found | forbidden */
async function findService(
  model: Model,
  ids: { readonly id: string; readonly endpoint: string },
): Promise<ServiceJson> {
  const endpoint = await find(model, ids);
  if (!endpoint.implicit) return endpoint;
  throw new FairleadError(
    'forbidden',
    `endpoint ${endpoint.name} is container ${endpoint.name}'s own: use network connect and disconnect`,
  );
}
