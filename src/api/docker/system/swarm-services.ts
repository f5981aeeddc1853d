import type { FastifyInstance } from 'fastify';
import { FairleadError } from '../../../lib/errors.ts';
import type { Model, ServiceView } from '../../../network/model.ts';
import { queryOf } from '../../http/query.ts';
import { parseFilters, requireKnown } from '../filters.ts';

/** GET /services from 1.24 on: published services in Swarm's shape, a provider being a running task. */
export function swarmServiceRoutes(app: FastifyInstance, { services }: Model): void {
  app.get('/services', async (request) => {
    const filters = parseFilters(queryOf(request));
    requireKnown(filters, ['name', 'id', 'label', 'mode', 'runtime']);
    return (await services.list())
      .map(swarmShape)
      .filter(
        ({ ID, Spec }) =>
          begins(filters.get('id'), ID) &&
          begins(filters.get('name'), Spec.Name) &&
          lacks(filters.get('label')) &&
          one(filters.get('mode'), 'replicated'),
      );
  });
  app.get<{ Params: { id: string } }>('/services/:id', async (request) => {
    const { id } = request.params;
    const all = (await services.list()).map(swarmShape);
    const found =
      all.find(({ ID, Spec }) => ID === id || Spec.Name === id) ?? all.find(({ ID }) => ID.startsWith(id));
    if (!found) throw new FairleadError('not-found', `service ${id} not found`);
    return found;
  });
}

function begins(wanted: readonly string[] | undefined, text: string): boolean {
  return !wanted?.length || wanted.some((start) => text.startsWith(start));
}

/** None of them has labels. */
function lacks(labels: readonly string[] | undefined): boolean {
  return !labels?.length;
}

function one(wanted: readonly string[] | undefined, text: string): boolean {
  return !wanted?.length || wanted.includes(text);
}

function swarmShape({ service, network, providers }: ServiceView) {
  const replicas = service.shared ? Math.max(1, providers.length) : 1;
  const Ports = service.ports.map(({ port, protocol }) => ({ Protocol: protocol, TargetPort: port }));
  return {
    ID: service.id,
    Version: { Index: 1 },
    CreatedAt: service.created,
    UpdatedAt: service.created,
    Spec: {
      Name: `${service.name}.${network.name}`,
      Labels: {},
      TaskTemplate: {
        ContainerSpec: { Image: '' },
        Networks: [{ Target: network.id, Aliases: service.aliases }],
      },
      Mode: { Replicated: { Replicas: replicas } },
      EndpointSpec: { Mode: 'dnsrr', Ports },
    },
    Endpoint: {
      Spec: {},
      VirtualIPs: service.ipv4 === undefined ? [] : [{ NetworkID: network.id, Addr: service.ipv4 }],
    },
    ServiceStatus: { RunningTasks: providers.length, DesiredTasks: replicas, CompletedTasks: 0 },
  };
}
