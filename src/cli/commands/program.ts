import { globalFlags, type Loaders } from '../fairlead.ts';
import { type Group, leaf } from '../program.ts';
import { sectioned } from '../sections.ts';
import { app } from './app/group.ts';
import { container, topLevel } from './container/group.ts';
import { dns } from './dns/group.ts';
import { install } from './install/members.ts';
import { network } from './network/group.ts';
import { node } from './node/group.ts';
import { service } from './service/group.ts';

/** Everything `fairlead` can do; what the seed speaks of comes first. */
export function program({ loadDaemon, loadFake }: Loaders): Group {
  return {
    synopsis: '[OPTIONS] COMMAND [arg...]',
    width: 12,
    flags: globalFlags,
    intro: 'Networks and services as first-class objects.',
    ...sectioned({
      'Management commands': { network, service, container, app, node, dns },
      'Container commands': {
        ...topLevel,
        inspect: leaf(
          'inspect',
          'Return low-level information on containers and networks',
          () => import('./container/inspect.ts'),
        ),
      },
      Diagnostics: diagnostics,
      'Daemon and set-up': {
        daemon: { summary: 'Run the daemon', load: loadDaemon },
        fake: { summary: 'Run a daemon in memory, for tests', load: loadFake },
        completion: leaf(
          'completion',
          'Print the completion script of a shell',
          () => import('./system/completion.ts'),
        ),
        tour: leaf('tour', 'Play the whole story on a temporary daemon', () => import('./tour/tour.ts')),
        playground: leaf(
          'playground',
          'Make hosts and a KV store on this machine to play with',
          () => import('./playground/playground.ts'),
        ),
        ...install,
      },
    }),
  };
}

const diagnostics = {
  probe: leaf('probe', 'Show how a container resolves a name', () => import('./system/probe.ts')),
  doctor: leaf(
    'doctor',
    'Compare this host with its records, and repair it',
    () => import('./system/doctor.ts'),
  ),
  topology: leaf('topology', 'Show the cluster as a tree', () => import('./topology/topology.ts')),
  ui: leaf('ui', 'Show the cluster on a page in the browser', () => import('./ui/ui.ts')),
  events: leaf('events', 'Get real time events from the daemon', () => import('./system/events.ts')),
  info: leaf('info', "Show the daemon's state", () => import('./system/info.ts')),
  version: leaf('version', 'Show the version of client and daemon', () => import('./system/version.ts')),
} satisfies Group['members'];
