import { type Group, leaf } from '../../program.ts';

/** Ours: the hosts that share the KV store. */
export const node: Group = {
  summary: 'Show the nodes of the cluster',
  synopsis: 'COMMAND [OPTIONS]',
  width: 10,
  members: {
    ls: leaf('ls', 'List the nodes', () => import('./ls.ts')),
    list: { load: async () => (await import('./ls.ts')).ls },
  },
};
