import { addressOf, bandsOf } from '../../../lib/cluster-map/bands.ts';
import { shortId } from '../../../lib/ids.ts';
import type { Context } from '../../command.ts';
import { UsageError } from '../../failure.ts';
import { writeTable } from '../../output/fit.ts';
import { readTopology } from '../topology/record.ts';

interface Wish {
  readonly all: boolean;
  readonly format: string;
  readonly network: string;
  readonly 'no-trunc': boolean;
  readonly quiet: boolean;
}

/** `service ls --wide`: a row for each provider, wherever it is. */
export async function writeWide(wish: Wish, { client, shell }: Omit<Context, 'path'>): Promise<void> {
  if (wish.all || wish.quiet || wish.format !== '')
    throw new UsageError('--wide is a table of published services: it takes no --all, --quiet or --format');
  const bands = bandsOf(await readTopology(client, wish.network));
  const idOf = wish['no-trunc'] ? (id: string) => id : shortId;
  const rows = bands.flatMap(({ network, services }) =>
    services.flatMap(({ service, address, providers }) => {
      const about = [idOf(service.id), service.name, network.name];
      if (providers.length === 0) return [[...about, '-', '-', address || '-', '-']];
      return providers.map((provider) => [
        ...[...about, provider.containerName, provider.nodeName, addressOf(provider) || '-'],
        provider.healthy ? 'healthy' : 'unhealthy',
      ]);
    }),
  );
  rows.sort(([, a = ''], [, b = '']) => (a < b ? -1 : a > b ? 1 : 0));
  const header = ['SERVICE ID', 'NAME', 'NETWORK', 'PROVIDER', 'NODE', 'ADDRESS', 'HEALTH'];
  writeTable(header, rows, shell, { full: wish['no-trunc'] });
}
