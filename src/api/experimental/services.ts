import type { FastifyInstance } from 'fastify';
import { FairleadError } from '../../lib/errors.ts';
import { isFullId } from '../../lib/ids.ts';
import type { Model, ServiceView } from '../../network/model.ts';
import type { Look } from '../host-engine/looking.ts';
import { flagOf, queryOf } from '../query.ts';
import { readAttach, readForce, readPublish } from './bodies.ts';
import { networkNamed } from './named.ts';
import {
  type BriefJson,
  brief,
  full,
  listJson,
  type Shapes,
  sandboxKey,
  sendJson,
  serviceJson,
} from './shapes.ts';

type Id = { Params: { id: string } };
type Backend = { Params: { id: string; container: string } };

/** /services of 2015 (docker-facts 2.1): publish, unpublish, attach, detach. */
export function serviceRoutes(app: FastifyInstance, model: Model, look: Look): void {
  const { services } = model;
  app.get('/services', async (request) => listJson(await selectServices(model, queryOf(request))));
  app.post('/services', async (request, reply) => {
    const { ref, name, network, options } = readPublish(request);
    const view = ref
      ? await services.publish(ref, options)
      : await services.publishOn(network, name, options);
    return sendJson(reply.code(201), view.service.id);
  });
  app.get<Id>('/services/:id', async (request) => serviceJson(await serviceById(model, request.params.id)));
  app.delete<Id>('/services/:id', async (request, reply) => {
    const { service } = await serviceById(model, request.params.id);
    const force = flagOf(queryOf(request), 'force') || readForce(request);
    await services.unpublish(service.id, { force });
    return reply.code(200).send();
  });
  backendRoutes(app, model, look);
}

function backendRoutes(app: FastifyInstance, model: Model, look: Look): void {
  const { services, containers } = model;
  app.get<Id>('/services/:id/backend', async (request) => {
    const { providers } = await serviceById(model, request.params.id);
    return listJson(providers.map(({ containerId }) => ({ id: containerId })));
  });
  app.post<Id>('/services/:id/backend', async (request, reply) => {
    const container = readAttach(request);
    const { service } = await serviceById(model, request.params.id);
    await look(container);
    await services.attach(service.id, container);
    return sendJson(reply.code(200), sandboxKey(containers.find(container).id));
  });
  app.delete<Backend>('/services/:id/backend/:container', async (request, reply) => {
    const { service } = await serviceById(model, request.params.id);
    await services.detach(service.id, request.params.container);
    return reply.code(200).send();
  });
}

/** `ref` is ours and finds exactly one; then 2015's order: network, name, partial-id. `brief` is ours too. */
async function selectServices(model: Model, query: URLSearchParams): Promise<readonly BriefJson[]> {
  const ref = query.get('ref');
  if (ref !== null) return [serviceJson(await model.services.find(ref))];
  const network = query.get('network');
  if (network) {
    const known = networkNamed(model, network);
    return known ? allServices(model, query, known.id) : [];
  }
  const name = query.get('name');
  const partial = query.get('partial-id');
  if (network === null && name === '' && partial) throw new FairleadError('invalid', 'Unsupported query');
  if (network === null && name === '') return allServices(model, query, model.networks.defaultNetwork().id);
  const services = await allServices(model, query);
  if (name) return services.filter((service) => service.name.toLowerCase() === name.toLowerCase());
  return partial ? services.filter(({ id }) => id.startsWith(partial)) : services;
}

async function allServices(
  model: Model,
  query: URLSearchParams,
  networkRef?: string,
): Promise<readonly BriefJson[]> {
  const filter = networkRef === undefined ? {} : { networkRef };
  const shapes: Shapes<BriefJson> = flagOf(query, 'brief') ? brief : full;
  const published = (await model.services.list(filter)).map(shapes.published);
  if (!flagOf(query, 'all')) return published;
  return [...published, ...(await model.services.implicit(filter)).map(shapes.implicit)];
}

/** Ids in paths are complete (docker-facts 2). @throws not-found */
async function serviceById({ services }: Model, id: string): Promise<ServiceView> {
  const view = isFullId(id) ? await services.withId(id) : undefined;
  if (!view) throw new FairleadError('not-found', 'Service not found');
  return view;
}
