import { type Group, leaf } from '../../program.ts';

export const dns: Group = {
  summary: 'Show and refresh the names that are answered',
  synopsis: '[OPTIONS] COMMAND [OPTIONS] [arg...]',
  width: 25,
  members: {
    dump: leaf('dump', 'Show every name, who owns it and its addresses', () => import('./dump.ts')),
    resync: leaf('resync', 'Rebuild the names and show what changed', () => import('./resync.ts')),
  },
};
