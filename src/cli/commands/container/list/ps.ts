import { shortId } from '../../../../lib/ids.ts';
import { command } from '../../../command.ts';
import { list, number, text, toggle } from '../../../flags/spec.ts';
import { free, listFormats, type Takes } from '../../../flags/takes.ts';
import { filterQuery } from '../../../flags/values.ts';
import { writeTable } from '../../../output/fit.ts';
import { listedContainers } from '../records.ts';
import { psRow } from './ps-row.ts';

const filters = {
  ancestor: free,
  before: 'container',
  exited: free,
  expose: free,
  health: ['healthy', 'none', 'starting', 'unhealthy'],
  id: free,
  label: free,
  name: 'container',
  network: 'network',
  publish: free,
  since: 'container',
  status: ['created', 'dead', 'exited', 'paused', 'removing', 'restarting', 'running'],
} satisfies Takes;

export const ps = command({
  synopsis: '',
  description: 'List containers',
  args: [0, 0],
  flags: {
    all: toggle('Show all containers (default shows just running)', { short: 'a' }),
    cluster: toggle('Show the containers on networks, of all nodes'),
    filter: list('Filter output based on conditions provided', { short: 'f', takes: filters }),
    format: text('Format output using a Go template, table, json or raw', { takes: listFormats }),
    last: number('Show n last created containers (includes all states)', { short: 'n' }),
    latest: toggle('Show the latest created container (includes all states)', { short: 'l' }),
    'no-trunc': toggle("Don't truncate output"),
    quiet: toggle('Only display container IDs', { short: 'q' }),
  },
  async run({ flags, client, shell }) {
    if (flags.cluster) {
      const { writeCluster } = await import('./cluster.ts');
      return await writeCluster(flags, { client, shell });
    }
    const limit = flags.latest ? 1 : flags.last;
    const query = {
      ...(flags.all ? { all: 1 } : {}),
      ...(limit > 0 ? { limit } : {}),
      ...(/\.Size\b|^json$|json \./.test(flags.format) ? { size: 1 } : {}),
      ...filterQuery('-f, --filter', flags.filter),
    };
    const containers = await client.request('GET', '/containers/json', { query }, listedContainers);
    const full = flags['no-trunc'];
    if (flags.format !== '') {
      const { formatContainers } = await import('./ps-format.ts');
      shell.stdout.write(Buffer.from(formatContainers(flags.format, containers, full)));
    } else if (flags.quiet) {
      shell.stdout.write(containers.map(({ Id }) => `${full ? Id : shortId(Id)}\n`).join(''));
    } else {
      const header = ['CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'PORTS', 'NAMES'];
      const rows = containers.map((container) => {
        const row = psRow(container, full);
        return [row.id, row.image, row.command, row.created, row.status, row.ports, row.names];
      });
      writeTable(header, rows, shell, { full });
    }
  },
});
