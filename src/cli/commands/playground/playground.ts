import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { command } from '../../command.ts';
import { UsageError } from '../../failure.ts';
import { text, toggle } from '../../flags/spec.ts';
import { play } from '../tour/player.ts';
import { openCluster } from './cluster.ts';
import { instructions } from './instructions.ts';
import { requirePrograms } from './requirements.ts';
import { chooseStore } from './stores.ts';
import { story } from './story.ts';

const most = 9;

/** Several hosts and a KV store on this machine, to be used until Ctrl-C. */
export const playground = command({
  synopsis: '',
  description: 'Run hosts with a daemon each and a KV store on this machine, until Ctrl-C',
  args: [0, 0],
  flags: {
    hosts: text(`How many hosts, 1 to ${most}`, { initial: '2' }),
    store: text('KV store: etcd or consul; empty: the first that is installed'),
    'lease-ttl': text('How long a silent host keeps its names', { initial: '5s' }),
    story: toggle('Play a story on the hosts first: a service, a cut wire, another provider'),
    exit: toggle('End after the story'),
  },
  async run({ shell, flags }) {
    const hosts = parseHosts(flags.hosts, flags.story ? 2 : 1);
    const path = shell.env.PATH ?? '';
    requirePrograms(path);
    const store = chooseStore(flags.store, path);
    // Before anything is made: a signal at any moment leaves nothing behind.
    const interrupted = new Promise<'interrupted'>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
        process.on(signal, () => resolve('interrupted'));
    });
    const fairlead = realpathSync(process.argv[1] ?? '');
    shell.stdout.write(`starting ${store.name} and ${hosts} hosts …\n`);
    const opening = openCluster({ fairlead, hosts, store, leaseTtl: flags['lease-ttl'], path });
    try {
      const cluster = await Promise.race([opening, interrupted]);
      if (cluster === 'interrupted') return 130;
      const env = { ...shell.env, PATH: `${cluster.commands}:${path}` };
      const stage = { bin: dirname(fairlead), env, shell };
      if (flags.story && (await Promise.race([play(story, stage), interrupted])) === 'interrupted')
        return 130;
      if (flags.exit) return 0;
      shell.stdout.write(instructions(cluster));
      await interrupted;
      return 0;
    } finally {
      shell.stdout.write('taking everything away …\n');
      await opening.then(
        (cluster) => cluster.close(),
        () => {},
      );
    }
  },
});

function parseHosts(given: string, least: number): number {
  const count = Number(given);
  if (Number.isInteger(count) && count >= least && count <= most) return count;
  const why = least > 1 ? ', as the story has two' : '';
  throw new UsageError(`--hosts ${given}: expected a whole number from ${least} to ${most}${why}`);
}
