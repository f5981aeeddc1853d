import type { FastifyInstance } from 'fastify';
import type { Volumes } from '../../../container/volumes.ts';
import type { Model } from '../../../network/model.ts';
import { queryOf } from '../../http/query.ts';
import { versionOf } from '../../http/version.ts';
import { listShape } from '../containers/list.ts';
import { indexNetworks } from '../containers/networks.ts';
import { booleanFilter, parseFilters, requireKnown } from '../filters.ts';
import { imageId, normalName } from '../images/image-name.ts';
import type { Images } from '../images/image-names.ts';
import { listedImage } from '../images/images.ts';

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
    const find = indexNetworks(networks);
    const users = (name: string) =>
      containers.list().filter(({ spec }) => normalName(spec.image) === name).length;
    return {
      LayersSize: 0,
      Images: [...images.known()].map(([name, created]) => ({
        ...listedImage(name, created),
        Containers: users(name),
        SharedSize: 0,
      })),
      Containers: containers
        .list()
        .toReversed()
        .map((container) =>
          listShape(container, find, versionOf(request), { volumes, withSize: true, now: clock.now() }),
        ),
      Volumes: [],
      BuildCache: [],
      BuilderSize: 0,
    };
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
