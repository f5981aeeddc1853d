import type { FastifyInstance } from 'fastify';
import type { Model, ServiceView } from '../../network/model.ts';

/** GET /services from 1.24 on: published services in Swarm's shape, a provider being a running task. */
export function swarmServiceRoutes(app: FastifyInstance, { services }: Model): void {
  app.get('/services', async () => (await services.list()).map(swarmShape));
}

function swarmShape({ service, network, providers }: ServiceView): Record<string, unknown> {
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
