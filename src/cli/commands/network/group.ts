import { type Group, leaf } from '../../program.ts';

/** The seed's four commands first, in its order and words; then today's. */
export const network: Group = {
  summary: 'Manage networks',
  synopsis: '[OPTIONS] COMMAND [OPTIONS] [arg...]',
  width: 25,
  members: {
    create: leaf('create', 'Create a network', () => import('./create.ts')),
    rm: leaf('rm', 'Remove a network', () => import('./rm.ts')),
    ls: leaf('ls', 'List all networks', () => import('./ls.ts')),
    info: leaf('info', 'Display information of a network', () => import('./info.ts')),
    inspect: leaf('inspect', 'Display detailed information on networks', () => import('./inspect.ts')),
    connect: leaf('connect', 'Connect a container to a network', () => import('./connect.ts')),
    disconnect: leaf('disconnect', 'Disconnect a container from a network', () => import('./disconnect.ts')),
    graph: leaf(
      'graph',
      'Write the networks and what is on them as a graph',
      () => import('../topology/graph.ts'),
    ),
    prune: leaf('prune', 'Remove all unused networks', () => import('./prune.ts')),
    list: { load: async () => (await import('./ls.ts')).ls },
    remove: { load: async () => (await import('./rm.ts')).rm },
  },
};
