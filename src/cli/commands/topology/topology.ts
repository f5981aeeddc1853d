import { visible } from '../../../lib/plain-text.ts';
import { command } from '../../command.ts';
import { text, toggle } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { inspectAll } from '../../format/inspect.ts';
import { styleOf } from '../../output/style.ts';
import { anyJson } from '../../output/values.ts';
import { readTopology } from './record.ts';
import { treeOf } from './tree.ts';

export const topology = command({
  synopsis: '[NETWORK]',
  description: 'Show nodes, networks, services and containers of the cluster as a tree',
  args: [0, 1],
  flags: {
    format: text('Format output using a Go template, or json', { short: 'f', takes: objectFormats }),
    'no-trunc': toggle('Do not truncate the output'),
  },
  async run({ args: [network = ''], flags, client, shell, path }) {
    if (flags.format !== '') {
      const query = network === '' ? { complete: 1 } : { network };
      const whole = () => client.request('GET', '/fairlead/topology', { query }, anyJson);
      const format = flags.format === 'json' ? '{{json .}}' : flags.format;
      return inspectAll([network], format, whole, { shell, client, path });
    }
    const lines = treeOf(await readTopology(client, network), Date.now()).map(visible);
    const { columns } = flags['no-trunc'] ? {} : styleOf(shell.stdout, shell);
    shell.stdout.write(lines.map((line) => `${cut(line, columns)}\n`).join(''));
  },
});

function cut(line: string, columns = Number.POSITIVE_INFINITY): string {
  const characters = [...line];
  return characters.length > columns ? `${characters.slice(0, columns - 1).join('')}…` : line;
}
