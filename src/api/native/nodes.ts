import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { flagOf, queryOf } from '../http/query.ts';

/**
 * GET /fairlead/nodes: the living nodes, sorted by name, without what keys are made of; with `all=1` also those that were
 * lost within a day.
 */
export function nodesRoute(
  app: FastifyInstance,
  { model, info, topology }: Pick<ApiDeps, 'model' | 'info' | 'topology'>,
): void {
  app.get('/fairlead/nodes', async (request) => {
    const { nodeId } = info();
    const living = model
      .nodes()
      .map(({ tunnelSecret: _, leaving: __, ...node }) => ({ ...node, self: node.id === nodeId }));
    const lost = flagOf(queryOf(request), 'all')
      ? topology.nodes().filter(({ state }) => state === 'lost')
      : [];
    return [...living, ...lost].sort((a, b) => a.name.localeCompare(b.name));
  });
}
