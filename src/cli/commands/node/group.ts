import type { Group } from '../../program.ts';

/** Ours: the hosts that share the KV store. */
export const node: Group = {
  summary: 'Show the nodes of the cluster',
  synopsis: 'COMMAND [OPTIONS]',
  width: 10,
  members: {
    ls: { summary: 'List the living nodes', load: async () => (await import('./ls.ts')).ls },
    list: { load: async () => (await import('./ls.ts')).ls },
  },
};
