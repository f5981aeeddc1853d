import type { Group } from '../../program.ts';

export const dns: Group = {
  summary: 'Show and refresh the names that are answered',
  synopsis: '[OPTIONS] COMMAND [OPTIONS] [arg...]',
  width: 25,
  members: {
    dump: {
      summary: 'Show every name, who owns it and its addresses',
      load: async () => (await import('./dump.ts')).dump,
    },
    resync: {
      summary: 'Rebuild the names and show what changed',
      load: async () => (await import('./resync.ts')).resync,
    },
  },
};
