import * as z from 'zod/mini';
import { shortId } from '../../../lib/ids.ts';
import { command } from '../../command.ts';
import { text } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { writeTable } from '../../output/fit.ts';
import { toJson } from '../../template/values.ts';

const owner = z.object({
  addresses: z.array(z.string()),
  owner: z.string(),
  container: z.string(),
  containerId: z.string(),
  nodeId: z.string(),
});

const dumpRecord = z.object({
  networks: z.array(
    z.object({
      name: z.string(),
      names: z.array(z.object({ name: z.string(), owners: z.array(owner) })),
      withheld: z._default(z.array(owner), []),
    }),
  ),
});

type Owner = z.infer<typeof owner>;

export const dump = command({
  synopsis: '',
  description: 'Show every name, its owner and its addresses',
  args: [0, 0],
  flags: { format: text('Output format: json', { takes: objectFormats }) },
  async run({ flags, client, shell }) {
    const { networks } = await client.request('GET', '/fairlead/dns', {}, dumpRecord);
    if (flags.format === 'json') {
      shell.stdout.write(`${toJson(networks)}\n`);
      return;
    }
    const rows = networks.flatMap((network) => [
      ...network.names.flatMap(({ name, owners }) => owners.map((one) => row(name, network.name, one, ''))),
      ...network.withheld.map((one) => row('-', network.name, one, ' (withheld: unhealthy)')),
    ]);
    writeTable(['NAME', 'NETWORK', 'ADDRESS', 'CONTAINER', 'OWNER'], rows, shell);
  },
});

function row(name: string, network: string, one: Owner, note: string): readonly string[] {
  return [name, network, one.addresses.join(','), shortId(one.containerId), `${one.owner}${note}`];
}
