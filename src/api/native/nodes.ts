import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from '../deps.ts';

/** GET /fairlead/nodes: the living nodes, sorted by name, without what keys are made of. */
export function nodesRoute(app: FastifyInstance, { model, info }: Pick<ApiDeps, 'model' | 'info'>): void {
  app.get('/fairlead/nodes', async () => {
    const { nodeId } = info();
    const nodes = model
      .nodes()
      .map(({ tunnelSecret: _, ...node }) => ({ ...node, self: node.id === nodeId }));
    return nodes.sort((a, b) => a.name.localeCompare(b.name));
  });
}
