import { shortId } from '../../../lib/ids.ts';
import { command } from '../../command.ts';
import { list, number, text, toggle } from '../../flags/spec.ts';
import { free, listFormats, scopes, type Takes, yesOrNo } from '../../flags/takes.ts';
import { filterQuery } from '../../flags/values.ts';
import { writeTable } from '../../output/fit.ts';
import { byCreation, type NetworkRecord, networkRecords } from './records.ts';

const filters = {
  dangling: yesOrNo,
  driver: 'driver',
  id: free,
  label: free,
  name: 'network',
  scope: scopes,
  type: ['builtin', 'custom'],
} satisfies Takes;

/** The seed's table, unless `--format` asks for today's. */
export const ls = command({
  synopsis: '',
  description: 'Lists all the networks created by the user',
  args: [0],
  flags: {
    latest: toggle('Show the latest network created', { short: 'l' }),
    n: number('Show n last created networks'),
    'no-trunc': toggle('Do not truncate the output'),
    quiet: toggle('Only display numeric IDs', { short: 'q' }),
    filter: list('Provide filter values (e.g. "driver=bridge")', { short: 'f', takes: filters }),
    format: text('Format output using a Go template, table, json or raw', { takes: listFormats }),
  },
  async run({ flags, client, shell }) {
    const options = filterQuery('-f, --filter', flags.filter);
    const networks = await client.ask((docker) => docker.listNetworks(options), networkRecords);
    const full = flags['no-trunc'];
    if (flags.format !== '') {
      const { formatNetworks } = await import('./format.ts');
      shell.stdout.write(Buffer.from(formatNetworks(flags.format, networks, full)));
      return;
    }
    const shown = newest(byCreation(networks), flags.latest ? 1 : flags.n);
    const idOf = (network: NetworkRecord) => (full ? network.Id : shortId(network.Id));
    if (flags.quiet) shell.stdout.write(shown.map((network) => `${idOf(network)}\n`).join(''));
    else {
      const rows = shown.map((network) => [idOf(network), network.Name, network.Driver]);
      writeTable(['NETWORK ID', 'NAME', 'TYPE'], rows, shell, { full });
    }
  },
});

/** 2015 parsed `-l` and `-n` and ignored them; here they work as documented. */
function newest(networks: readonly NetworkRecord[], count: number): readonly NetworkRecord[] {
  return count < 0 ? networks : networks.slice(Math.max(0, networks.length - count));
}
