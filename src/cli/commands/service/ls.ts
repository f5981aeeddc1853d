import { shortId } from '../../../lib/ids.ts';
import { command } from '../../command.ts';
import { text, toggle } from '../../flags/spec.ts';
import { table } from '../../output/table.ts';
import { type ListedService, listRows, listServices, type ServiceRecord } from './records.ts';

export const ls = command({
  synopsis: 'SERVICE',
  description: 'Lists all the services on a network',
  args: [0],
  flags: {
    all: toggle("Show the containers' own names too, which nobody published", { short: 'a' }),
    format: text('Format output using a Go template, table, json or raw'),
    // The single-dash form is 2015's; `--net` was an error then.
    network: text('Only show the services that are published on the specified network', {
      aliases: ['-net'],
    }),
    'no-trunc': toggle('Do not truncate the output'),
    quiet: toggle('Only display numeric IDs', { short: 'q' }),
  },
  async run({ flags, connect, shell }) {
    const client = await connect();
    const query = {
      ...(flags.network ? { network: flags.network } : {}),
      ...(flags.all ? { all: 1 } : {}),
    };
    const idOf = flags['no-trunc'] ? (id: string) => id : shortId;
    if (flags.format !== '') {
      const { formatServices } = await import('./format.ts');
      shell.stdout.write(formatServices(flags.format, byName(await listServices(client, query)), idOf));
      return 0;
    }
    const rows = flags['no-trunc']
      ? (await listServices(client, query)).map(rowOf)
      : await listRows(client, query);
    const services = byName(rows);
    if (flags.quiet) {
      shell.stdout.write(services.map(({ id }) => `${idOf(id)}\n`).join(''));
    } else {
      shell.stdout.write(
        table(
          ['SERVICE ID', 'NAME', 'NETWORK', 'PROVIDER'],
          services.map(({ id, name, network, providers = [] }) => [
            idOf(id),
            name,
            network,
            providers.join(','),
          ]),
        ),
      );
    }
    return 0;
  },
});

/** With ids that are whole. */
function rowOf({ name, id, network, providers }: ServiceRecord): ListedService {
  return { name, id, network, providers: providers.map(({ container_id }) => container_id) };
}

/** Keys are made once each: a sort of ten thousand compares each a dozen times. */
function byName<T extends Pick<ListedService, 'name' | 'network'>>(services: readonly T[]): readonly T[] {
  return services
    .map((service) => ({ service, key: `${service.name}\0${service.network}` }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ service }) => service);
}
