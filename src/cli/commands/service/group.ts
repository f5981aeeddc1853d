import type { Group } from '../../program.ts';

/** The seed's six commands, in its order and words. */
export const service: Group = {
  summary: 'Manage services',
  synopsis: 'COMMAND [OPTIONS] [arg...]',
  width: 10,
  members: {
    publish: { summary: 'Publish a service', load: async () => (await import('./publish.ts')).publish },
    unpublish: { summary: 'Remove a service', load: async () => (await import('./unpublish.ts')).unpublish },
    attach: {
      summary: 'Attach a backend (container) to the service',
      load: async () => (await import('./attach.ts')).attach,
    },
    detach: {
      summary: 'Detach the backend from the service',
      load: async () => (await import('./detach.ts')).detach,
    },
    ls: { summary: 'Lists all services', load: async () => (await import('./ls.ts')).ls },
    info: {
      summary: 'Display information about a service',
      load: async () => (await import('./info.ts')).info,
    },
  },
};
