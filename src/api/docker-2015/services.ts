import type { FastifyInstance } from 'fastify';
import type { Network } from '../../cluster/records.ts';
import { FairleadError } from '../../lib/errors.ts';
import { isFullId } from '../../lib/ids.ts';
import type { Model, ServiceView } from '../../network/model.ts';
import { flagOf, queryOf } from '../http/query.ts';
import type { RefreshContainer } from '../proxy/refresh-container.ts';
import { readAttach, readForce, readPublish } from './bodies.ts';
import { networkNamed } from './named.ts';
import { brief, full, listJson, type Shapes, sandboxKey, sendJson, serviceJson } from './shapes.ts';

type Id = { Params: { id: string } };
type Backend = { Params: { id: string; container: string } };

/** /services of 2015 (docker-facts 2.1): publish, unpublish, attach, detach. */
export function serviceRoutes(app: FastifyInstance, model: Model, refresh: RefreshContainer): void {
  const { services } = model;
  app.get('/services', async (request, reply) => {
    const query = queryOf(request);
    if (!flagOf(query, 'brief')) return listJson(await selectServices(model, query, full));
    // Only 2015's own answer for a network that does not exist is an empty list (docker-facts 2).
    const network = query.get('network');
    if (network && !networkNamed(model, network))
      throw new FairleadError('not-found', `network ${network} not found`);
    const rows = await selectServices(model, query, brief);
    return reply.type('text/plain; charset=utf-8').send(rows.join(''));
  });
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
  backendRoutes(app, model, refresh);
}

function backendRoutes(app: FastifyInstance, model: Model, refresh: RefreshContainer): void {
  const { services, containers } = model;
  app.get<Id>('/services/:id/backend', async (request) => {
    const { providers } = await serviceById(model, request.params.id);
    return listJson(providers.map(({ containerId }) => ({ id: containerId })));
  });
  app.post<Id>('/services/:id/backend', async (request, reply) => {
    const { container, standby } = readAttach(request);
    const { id } = request.params;
    // Our own CLI names the service as it was typed, and saves a request for its id.
    const ref = flagOf(queryOf(request), 'ref') ? id : (await serviceById(model, id)).service.id;
    await refresh(container);
    await services.attach(ref, container, { standby });
    return sendJson(reply.code(200), sandboxKey(containers.find(container).id));
  });
  app.post<Backend>('/services/:id/backend/:container/promote', async (request) => {
    const { id, container } = request.params;
    const query = queryOf(request);
    const ref = flagOf(query, 'ref') ? id : (await serviceById(model, id)).service.id;
    return serviceJson(await services.promote(ref, container, { preempt: flagOf(query, 'preempt') }));
  });
  app.delete<Backend>('/services/:id/backend/:container', async (request, reply) => {
    const { service } = await serviceById(model, request.params.id);
    await services.detach(service.id, request.params.container);
    return reply.code(200).send();
  });
}

/** `ref` is ours and finds exactly one; then 2015's order: network, name, partial-id. */
async function selectServices<T>(
  model: Model,
  query: URLSearchParams,
  shapes: Shapes<T>,
): Promise<readonly T[]> {
  const all = (which?: Which) => allServices(model, flagOf(query, 'all'), shapes, which);
  const ref = query.get('ref');
  if (ref !== null) return [shapes.published(await model.services.find(ref))];
  const network = query.get('network');
  if (network) {
    const known = networkNamed(model, network);
    return known ? await all({ networkRef: known.id }) : [];
  }
  const name = query.get('name');
  const partial = query.get('partial-id');
  if (network === null && name === '' && partial) throw new FairleadError('invalid', 'Unsupported query');
  if (network === null && name === '') return await all({ networkRef: model.networks.defaultNetwork().id });
  if (name) return await all({ wanted: (service) => service.name.toLowerCase() === name.toLowerCase() });
  return await all(partial ? { wanted: ({ id }) => id.startsWith(partial) } : {});
}

interface Which {
  readonly networkRef?: string;
  readonly wanted?: (service: { readonly name: string; readonly id: string }) => boolean;
}

async function allServices<T>(
  { services }: Model,
  implicitToo: boolean,
  shapes: Shapes<T>,
  { wanted = () => true, ...filter }: Which = {},
): Promise<readonly T[]> {
  const published = (await services.list(filter)).filter(({ service }) => wanted(service));
  if (!implicitToo) return published.map(shapes.published);
  const implicit = (await services.implicit(filter)).filter(({ endpoint }) => wanted(endpoint));
  const all = [
    ...published.map((view) => ({ key: keyOf(view.service, view), shape: shapes.published(view) })),
    ...implicit.map((view) => ({ key: keyOf(view.endpoint, view), shape: shapes.implicit(view) })),
  ];
  return all.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ shape }) => shape);
}

/** The order of all lists: by name, then by network. */
function keyOf({ name }: { readonly name: string }, { network }: { readonly network: Network }): string {
  return `${name}\0${network.name}`;
}

/** Ids in paths are complete (docker-facts 2). @throws not-found */
async function serviceById({ services }: Model, id: string): Promise<ServiceView> {
  const view = isFullId(id) ? await services.withId(id) : undefined;
  if (!view) throw new FairleadError('not-found', 'Service not found');
  return view;
}
