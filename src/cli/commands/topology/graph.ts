import { command } from '../../command.ts';
import { UsageError } from '../../failure.ts';
import { text } from '../../flags/spec.ts';
import { readTopology, type TopologyRecord } from './record.ts';

const formats = ['mermaid', 'dot', 'svg'] as const;

export const graph = command({
  synopsis: '[NETWORK]',
  description: 'Write the networks and what is on them as a graph',
  args: [0, 1],
  flags: {
    format: text('mermaid, dot or svg', { initial: 'mermaid', takes: formats }),
  },
  async run({ args: [network = ''], flags, client, shell }) {
    const write = await writerOf(flags.format);
    shell.stdout.write(write(await readTopology(client, network)));
  },
});

/** @throws UsageError before anything is asked */
async function writerOf(format: string): Promise<(topology: TopologyRecord) => string> {
  if (format === 'mermaid') return (await import('./mermaid.ts')).mermaidOf;
  if (format === 'dot') return (await import('./dot.ts')).dotOf;
  if (format === 'svg') return (await import('./svg.ts')).svgOf;
  throw new UsageError(`"${format}" is no format of a graph: expected ${formats.join(', ')}`);
}
