import type { FastifyInstance } from 'fastify';
import type { Volume, Volumes } from '../../container/volumes.ts';
import { volumesOf } from '../../container/volumes.ts';
import { FairleadError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import type { Containers } from '../../network/model.ts';
import { go } from '../go/json.ts';
import { readOptionalJson } from '../http/body.ts';
import { flagOf, queryOf } from '../http/query.ts';
import {
  booleanFilter,
  type Filters,
  lacksLabels,
  matchesExactly,
  matchesLabels,
  parseFilters,
  requireKnown,
} from './filters.ts';
import { refusal } from './isolation/host-options.ts';

type Name = { Params: { name: string } };

const volumeCreate = go.object('volume.CreateOptions', {
  Name: go.text(),
  Driver: go.text(),
  DriverOpts: go.textMap(),
  Labels: go.textMap(),
});

/** How the Engine marks a volume that nobody has named. */
const anonymousLabel = 'com.docker.volume.anonymous';

/** Volumes are directories below the data root; the one driver is `local`, without options. */
export function volumeRoutes(
  app: FastifyInstance,
  volumes: Volumes,
  containers: Pick<Containers, 'list'>,
): void {
  app.get('/volumes', async (request) => {
    const filters = parseFilters(queryOf(request));
    requireKnown(filters, ['dangling', 'driver', 'label', 'name']);
    const listed = volumes.list().filter((volume) => isListed(volume, filters, containers));
    return { Volumes: listed.map(volumeShape), Warnings: null };
  });
  app.get<Name>('/volumes/:name', async (request) => volumeShape(volumes.find(request.params.name)));
  app.post('/volumes/create', async (request, reply) => {
    const { Name, Driver, DriverOpts, Labels } = readOptionalJson(
      request,
      volumeCreate,
      'volume.CreateOptions',
    );
    if (!['', 'local'].includes(Driver)) {
      throw new FairleadError(
        'not-found',
        `error looking up volume plugin ${Driver}: plugin "${Driver}" not found`,
      );
    }
    if (Object.keys(DriverOpts).length > 0) throw refusal('--opt', 'a volume is a directory of this host');
    const volume = volumes.create(Name || newId(), Name ? Labels : { ...Labels, [anonymousLabel]: '' });
    return reply.code(201).send(volumeShape(volume));
  });
  app.delete<Name>('/volumes/:name', async (request, reply) => {
    const { name } = request.params;
    if (volumes.get(name) || !flagOf(queryOf(request), 'force')) volumes.remove(name, containers.list());
    return reply.code(204).send();
  });
  app.post('/volumes/prune', async (request) => {
    const filters = parseFilters(queryOf(request));
    requireKnown(filters, ['all', 'label', 'label!']);
    const all = booleanFilter(filters, 'all') ?? false;
    const unused = volumes.list().filter((volume) => !isUsed(volume, containers));
    const chosen = unused.filter(
      ({ labels }) =>
        (all || anonymousLabel in labels) && matchesLabels(filters, labels) && lacksLabels(filters, labels),
    );
    for (const { name } of chosen) volumes.remove(name, containers.list());
    return { VolumesDeleted: chosen.map(({ name }) => name), SpaceReclaimed: 0 };
  });
}

function isListed(volume: Volume, filters: Filters, containers: Pick<Containers, 'list'>): boolean {
  const dangling = booleanFilter(filters, 'dangling');
  const names = filters.get('name') ?? [];
  return (
    (dangling === undefined || dangling !== isUsed(volume, containers)) &&
    (names.length === 0 || names.some((name) => volume.name.includes(name))) &&
    matchesExactly(filters, 'driver', 'local') &&
    matchesLabels(filters, volume.labels)
  );
}

function isUsed({ name }: Volume, containers: Pick<Containers, 'list'>): boolean {
  return containers.list().some((container) => volumesOf(container).some(({ source }) => source === name));
}

function volumeShape({ name, created, path, labels }: Volume): Record<string, unknown> {
  return {
    CreatedAt: created,
    Driver: 'local',
    // The Engine's form of an absent map.
    Labels: Object.keys(labels).length === 0 ? null : labels,
    Mountpoint: path,
    Name: name,
    Options: null,
    Scope: 'local',
  };
}
