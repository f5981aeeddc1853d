import type { Group } from '../../program.ts';

/** The seed's four commands first, in its order and words; then today's. */
export const network: Group = {
  summary: 'Manage networks',
  synopsis: '[OPTIONS] COMMAND [OPTIONS] [arg...]',
  width: 25,
  members: {
    create: { summary: 'Create a network', load: async () => (await import('./create.ts')).create },
    rm: { summary: 'Remove a network', load: async () => (await import('./rm.ts')).rm },
    ls: { summary: 'List all networks', load: async () => (await import('./ls.ts')).ls },
    info: { summary: 'Display information of a network', load: async () => (await import('./info.ts')).info },
    inspect: {
      summary: 'Display detailed information on networks',
      load: async () => (await import('./inspect.ts')).inspect,
    },
    connect: {
      summary: 'Connect a container to a network',
      load: async () => (await import('./connect.ts')).connect,
    },
    disconnect: {
      summary: 'Disconnect a container from a network',
      load: async () => (await import('./disconnect.ts')).disconnect,
    },
    prune: { summary: 'Remove all unused networks', load: async () => (await import('./prune.ts')).prune },
    list: { load: async () => (await import('./ls.ts')).ls },
    remove: { load: async () => (await import('./rm.ts')).rm },
  },
};
