import type { Parts } from '../fairlead.ts';
import { globalFlags } from '../fairlead.ts';
import type { Group } from '../program.ts';
import { network } from './network/group.ts';

/** Everything `fairlead` can do; the lines that a person meets first come first. */
export function program({ loadDaemon }: Parts): Group {
  return {
    synopsis: '[OPTIONS] COMMAND [arg...]',
    width: 12,
    flags: globalFlags,
    intro: 'Networks and services as first-class objects.',
    members: {
      network,
      daemon: { summary: 'Run the daemon', load: loadDaemon },
    },
  };
}
