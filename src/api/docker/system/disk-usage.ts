import type { FastifyInstance } from 'fastify';
import type { Volumes } from '../../../container/volumes.ts';
import type { Model } from '../../../network/model.ts';
import { flagOf, queryOf } from '../../http/query.ts';
import { type ApiVersion, isBefore, versionOf } from '../../http/version.ts';
import { listShape } from '../containers/list.ts';
import { indexNetworks } from '../containers/networks.ts';
import { booleanFilter, parseFilters, requireKnown } from '../filters.ts';
import { imageId } from '../images/image-name.ts';
import type { Images } from '../images/image-names.ts';
import { listedImage } from '../images/shape.ts';

/**
 * What `docker system df` and `docker system prune` ask beside containers and networks. Nothing here takes
 * room on a disk: containers run the host's programs, images are names.
 */
export function diskUsageRoutes(
  app: FastifyInstance,
  { containers, networks, clock }: Pick<Model, 'containers' | 'networks' | 'clock'>,
  images: Images,
  volumes: Volumes,
): void {
  app.get('/system/df', async (request) => {
    const version = versionOf(request);
    const find = indexNetworks(networks);
    const usage = {
      Images: [...images.known()].map(([name, created]) => ({
        ...listedImage({ name, created, users: images.users(name) }, version),
        RepoDigests: null,
        SharedSize: 0,
      })),
      Containers: containers
        .list()
        .toReversed()
        .map((container) =>
          listShape(container, find, version, { volumes, withSize: true, now: clock.now() }),
        ),
      Volumes: [],
      BuildCache: [],
    };
    return diskUsage(usage, version, flagOf(queryOf(request), 'verbose'));
  });
  app.post('/images/prune', async (request) => {
    const filters = parseFilters(queryOf(request));
    requireKnown(filters, ['dangling', 'label', 'label!', 'until']);
    // Without a word only images without a name go, and every one here is a name.
    const all = booleanFilter(filters, 'dangling') === false;
    const removed = all ? images.unused().map((name) => images.remove(name)) : [];
    const deleted = removed.flatMap((name) => [{ Untagged: name }, { Deleted: imageId(name) }]);
    return { ImagesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: 0 };
  });
  app.post('/build/prune', async () => ({ CachesDeleted: null, SpaceReclaimed: 0 }));
}

type Kind = 'Images' | 'Containers' | 'Volumes' | 'BuildCache';
const kinds: readonly Kind[] = ['Images', 'Containers', 'Volumes', 'BuildCache'];

/** Lists before 1.52, sums from then on; both in 1.52 itself, unless the client asks for the new one in full. */
function diskUsage(
  lists: Readonly<Record<Kind, readonly Record<string, unknown>[]>>,
  version: ApiVersion,
  verbose: boolean,
): Record<string, unknown> {
  const old = { LayersSize: 0, ...lists };
  if (isBefore(version, '1.52')) return old;
  const sums = kinds.map((kind) => {
    const Items = lists[kind];
    const active = Items.filter((item) => item.State === 'running' || Number(item.Containers) > 0).length;
    const sum = { ActiveCount: active, TotalCount: Items.length, TotalSize: 0, Reclaimable: 0 };
    return [`${kind.replace(/s$/, '')}Usage`, { ...sum, ...(verbose && { Items }) }];
  });
  return { ...(!verbose && old), ...Object.fromEntries(sums) };
}
