import { humanDuration } from '../../../lib/human-duration.ts';
import { shortId } from '../../../lib/ids.ts';
import { command } from '../../command.ts';
import { text, toggle } from '../../flags/spec.ts';
import { listFormats } from '../../flags/takes.ts';
import { writeTable } from '../../output/fit.ts';
import { type NodeRecord, nodeRecords } from './records.ts';

export const ls = command({
  synopsis: '',
  description: 'List the nodes of the cluster, and those lost within a day',
  args: [0, 0],
  flags: {
    format: text('Format output using a Go template, table, json or raw', { takes: listFormats }),
    'no-trunc': toggle('Do not truncate the output'),
    quiet: toggle('Only display node IDs', { short: 'q' }),
  },
  async run({ flags, client, shell }) {
    const nodes = await client.request('GET', '/fairlead/nodes', { query: { all: 1 } }, nodeRecords);
    const idOf = flags['no-trunc'] ? (id: string) => id : shortId;
    if (flags.format !== '') {
      const { formatNodes } = await import('./format.ts');
      shell.stdout.write(Buffer.from(formatNodes(flags.format, nodes, idOf)));
    } else if (flags.quiet) {
      shell.stdout.write(nodes.map(({ id }) => `${idOf(id)}\n`).join(''));
    } else {
      // The mark of the node that answers, as in `docker node ls`.
      const rows = nodes.map((node) => [
        ...[idOf(node.id), node.name, node.advertise || '-', node.version],
        stateText(node, Date.now()),
        node.self ? '*' : '',
      ]);
      writeTable(['NODE ID', 'NAME', 'ADVERTISE', 'VERSION', 'STATE', 'SELF'], rows, shell, {
        full: flags['no-trunc'],
      });
    }
  },
});

function stateText({ state, lastSeen }: NodeRecord, now: number): string {
  return lastSeen === '' ? state : `${state} ${humanDuration(now - Date.parse(lastSeen))} ago`;
}
