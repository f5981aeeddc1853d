import { bandsOf, type Place, sorted } from '../../../../lib/cluster-map/bands.ts';
import { shortId } from '../../../../lib/ids.ts';
import type { Context } from '../../../command.ts';
import { UsageError } from '../../../failure.ts';
import { writeTable } from '../../../output/fit.ts';
import { readTopology } from '../../topology/record.ts';

interface Wish {
  readonly all: boolean;
  readonly filter: readonly string[];
  readonly format: string;
  readonly last: number;
  readonly latest: boolean;
  readonly 'no-trunc': boolean;
  readonly quiet: boolean;
}

/** `ps --cluster`: what the nodes tell each other of their containers, which is where they are found. */
export async function writeCluster(wish: Wish, { client, shell }: Omit<Context, 'path'>): Promise<void> {
  const { all, filter, format, last, latest } = wish;
  if (all || latest || last > 0 || filter.length > 0 || format !== '')
    throw new UsageError(
      '--cluster is a table of the containers on networks: it takes no --all, --filter, --format, --last or --latest',
    );
  const places = bandsOf(await readTopology(client)).flatMap(({ network, places: on }) =>
    on.map((place) => ({ place, network: network.name })),
  );
  const full = wish['no-trunc'];
  const containers = sorted([...new Set(places.map(({ place }) => place.container))], (container) => {
    const first = places.find(({ place }) => place.container === container)?.place;
    return `${first?.nodeName}\0${first?.name}`;
  });
  const idOf = (id: string) => (full ? id : shortId(id));
  if (wish.quiet) return void shell.stdout.write(containers.map((id) => `${idOf(id)}\n`).join(''));
  const rows = containers.flatMap((container) => {
    const own = places.filter(({ place }) => place.container === container);
    const [first] = own;
    if (!first) return [];
    const names = own.flatMap(({ place, network }) => place.services.map(({ name }) => `${name}.${network}`));
    const on = own.map(({ place, network }) => `${network}:${addressIn(place)}`);
    return [
      [
        ...[idOf(container), first.place.name, first.place.nodeName, on.join(', ')],
        ...[names.join(', ') || '-', own.every(({ place }) => place.healthy) ? 'healthy' : 'unhealthy'],
      ],
    ];
  });
  writeTable(['CONTAINER ID', 'NAME', 'NODE', 'NETWORKS', 'SERVICES', 'HEALTH'], rows, shell, { full });
}

function addressIn({ address, services }: Place): string {
  return address || services[0]?.address || '-';
}
