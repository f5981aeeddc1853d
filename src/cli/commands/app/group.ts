import type { Group, Leaf } from '../../program.ts';
import type { AppCommandName } from './commands.ts';

/** Dokku's commands under our own name, and what Dokku has no command for. */
export const app: Group = {
  summary: 'Deploy apps, and name their processes',
  synopsis: 'COMMAND [OPTIONS] [arg...]',
  width: 20,
  members: {
    create: leaf('create', 'Create an app'),
    destroy: leaf('destroy', 'Remove an app and its containers'),
    exists: leaf('exists', 'Check whether an app exists'),
    ls: leaf('ls', 'List all apps'),
    process: leaf('process', 'Say what a process type is made from'),
    scale: leaf('scale', 'Show or set how many containers a process type has'),
    rebuild: leaf('rebuild', 'Deploy or redeploy an app'),
    ps: leaf('ps', 'Report the processes of apps'),
    run: leaf('run', 'Run a command in a one-off container'),
    set: leaf('set', 'Set or clear a network property'),
    report: leaf('report', 'Report the network properties of apps'),
    'rebuild-network': leaf('rebuild-network', 'Bring containers in line with the network properties'),
    names: leaf('names', "Show the names that an app's processes are reached by"),
  },
};

function leaf(name: AppCommandName, summary: string): Leaf {
  return { summary, load: async () => (await import('./commands.ts')).appCommandSet[name] };
}
