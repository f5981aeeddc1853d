import { shortId } from '../../../lib/ids.ts';
import { visibleLines } from '../../../lib/plain-text.ts';
import type { Client } from '../../client/client.ts';
import { command } from '../../command.ts';
import { text, toggle } from '../../flags/spec.ts';
import { listFormats } from '../../flags/takes.ts';
import { writeLines } from '../../output/fit.ts';
import { networkRecord } from '../network/records.ts';
import { listRows, listServices, type ServiceRecord } from './records.ts';

export const ls = command({
  synopsis: 'SERVICE',
  description: 'Lists all the services on a network',
  args: [0],
  flags: {
    all: toggle("Also show the containers' own names, which are not published", { short: 'a' }),
    format: text('Format output using a Go template, table, json or raw', { takes: listFormats }),
    // The single-dash form is 2015's; `--net` was an error then.
    network: text('Only show the services that are published on the specified network', {
      aliases: ['-net'],
      takes: 'network',
    }),
    'no-trunc': toggle('Do not truncate the output'),
    quiet: toggle('Only display numeric IDs', { short: 'q' }),
    wide: toggle('Also show where each provider is: node, address and health'),
  },
  async run({ flags, client, shell }) {
    if (flags.wide) {
      const { writeWide } = await import('./wide.ts');
      return await writeWide(flags, { client, shell });
    }
    const query = {
      ...(flags.network ? { network: await networkId(client, flags.network) } : {}),
      ...(flags.all ? { all: 1 } : {}),
    };
    const idOf = flags['no-trunc'] ? (id: string) => id : shortId;
    if (flags.format !== '') {
      const { formatServices } = await import('./format.ts');
      shell.stdout.write(
        Buffer.from(formatServices(flags.format, byName(await listServices(client, query)), idOf)),
      );
      return;
    }
    const found = await (flags['no-trunc'] ? listServices : listRows)(client, query);
    const rows = visibleLines(typeof found === 'string' ? found : rowsOf(found, idOf));
    if (flags.quiet) shell.stdout.write(rows.replaceAll(/\t.*/g, ''));
    else writeLines(`SERVICE ID\tNAME\tNETWORK\tPROVIDER\n${rows}`, shell, { full: flags['no-trunc'] });
  },
});

/** 2015's API answers an empty list for a network that does not exist. @throws DaemonError where there is none */
async function networkId(client: Client, ref: string): Promise<string> {
  const { Id } = await client.request('GET', `/networks/${encodeURIComponent(ref)}`, {}, networkRecord);
  return Id;
}

function rowsOf(services: readonly ServiceRecord[], idOf: (id: string) => string): string {
  const rows = byName(services).map(({ name, id, network, providers }) => {
    const containers = providers.map(({ container_id }) => idOf(container_id)).join(',');
    return `${idOf(id)}\t${name}\t${network}\t${containers}\n`;
  });
  return rows.join('');
}

function byName(services: readonly ServiceRecord[]): readonly ServiceRecord[] {
  return services
    .map((service) => ({ service, key: `${service.name}\0${service.network}` }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ service }) => service);
}
