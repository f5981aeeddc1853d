import type { FastifyInstance } from 'fastify';
import type { Network } from '../../cluster/records.ts';
import { FairleadError } from '../../lib/errors.ts';
import { foldCase } from '../../lib/names.ts';
import type { Model } from '../../network/model.ts';
import { queryOf } from '../http/query.ts';
import { readNetworkCreate } from './bodies.ts';
import { endpointsOf } from './endpoints.ts';
import { networkById } from './named.ts';
import { listJson, sendJson } from './shapes.ts';

type Id = { Params: { id: string } };

/** /networks of 2015 (docker-facts 2.1). */
export function networkRoutes(app: FastifyInstance, model: Model): void {
  const { networks } = model;
  app.get('/networks', async (request) => {
    const selected = selectNetworks(model, queryOf(request));
    return listJson(await Promise.all(selected.map((network) => networkJson(model, network))));
  });
  app.post('/networks', async (request, reply) => {
    const { id } = await networks.create(readNetworkCreate(request));
    return sendJson(reply.code(201), id);
  });
  app.get<Id>('/networks/:id', async (request) => networkJson(model, networkById(model, request.params.id)));
  app.delete<Id>('/networks/:id', async (request, reply) => {
    await networks.remove(networkById(model, request.params.id).id);
    return reply.code(200).send();
  });
}

function selectNetworks({ networks }: Model, query: URLSearchParams): readonly Network[] {
  const name = query.get('name');
  const partial = query.get('partial-id');
  if (name === '' && partial) throw new FairleadError('invalid', 'Unsupported query');
  if (name === '') return [networks.defaultNetwork()];
  const all = networks.list();
  if (name !== null) return all.filter((network) => foldCase(network.name) === foldCase(name));
  return partial ? all.filter(({ id }) => id.startsWith(partial)) : all;
}

async function networkJson(model: Model, network: Network): Promise<Record<string, unknown>> {
  const endpoints = await endpointsOf(model, network);
  return { name: network.name, id: network.id, type: network.driver, endpoints };
}
