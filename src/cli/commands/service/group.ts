import { type Group, leaf } from '../../program.ts';

/** The seed's six commands first, in its order and words. */
export const service: Group = {
  summary: 'Manage services',
  synopsis: 'COMMAND [OPTIONS] [arg...]',
  width: 10,
  members: {
    publish: leaf('publish', 'Publish a service', () => import('./publish.ts')),
    unpublish: leaf('unpublish', 'Remove a service', () => import('./unpublish.ts')),
    attach: leaf('attach', 'Attach a backend (container) to the service', () => import('./attach.ts')),
    detach: leaf('detach', 'Detach the backend from the service', () => import('./detach.ts')),
    ls: leaf('ls', 'Lists all services', () => import('./ls.ts')),
    info: leaf('info', 'Display information about a service', () => import('./info.ts')),
    promote: leaf('promote', 'Have a standby take the service over', () => import('./promote.ts')),
  },
};
