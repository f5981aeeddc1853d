import { globalFlags, type Parts } from '../fairlead.ts';
import type { Group } from '../program.ts';
import { sectioned } from '../sections.ts';
import { app } from './app/group.ts';
import { container, topLevel } from './container/group.ts';
import { dns } from './dns/group.ts';
import { install } from './install/members.ts';
import { network } from './network/group.ts';
import { node } from './node/group.ts';
import { service } from './service/group.ts';

/** Everything `fairlead` can do; what the seed speaks of comes first. */
export function program({ loadDaemon, loadFake }: Parts): Group {
  return {
    synopsis: '[OPTIONS] COMMAND [arg...]',
    width: 12,
    flags: globalFlags,
    intro: 'Networks and services as first-class objects.',
    ...sectioned({
      'Management commands': { network, service, container, app, node, dns },
      'Container commands': {
        ...topLevel,
        inspect: {
          summary: 'Return low-level information on containers and networks',
          load: async () => (await import('./container/inspect.ts')).inspect,
        },
      },
      Diagnostics: diagnostics,
      'Daemon and set-up': {
        daemon: { summary: 'Run the daemon', load: loadDaemon },
        fake: { summary: 'Run a daemon in memory, for tests', load: loadFake },
        completion: {
          summary: 'Print the completion script of a shell',
          load: async () => (await import('./system/completion.ts')).completion,
        },
        tour: {
          summary: 'Play the whole story on a temporary daemon',
          load: async () => (await import('./tour/tour.ts')).tour,
        },
        playground: {
          summary: 'Make hosts and a KV store on this machine to play with',
          load: async () => (await import('./playground/playground.ts')).playground,
        },
        ...install,
      },
    }),
  };
}

const diagnostics = {
  probe: {
    summary: 'Show how a container resolves a name',
    load: async () => (await import('./system/probe.ts')).probe,
  },
  doctor: {
    summary: 'Compare this host with its records, and repair it',
    load: async () => (await import('./system/doctor.ts')).doctor,
  },
  events: {
    summary: 'Get real time events from the daemon',
    load: async () => (await import('./system/events.ts')).events,
  },
  info: {
    summary: "Show the daemon's state",
    load: async () => (await import('./system/info.ts')).info,
  },
  version: {
    summary: 'Show the version of client and daemon',
    load: async () => (await import('./system/version.ts')).version,
  },
} satisfies Group['members'];
