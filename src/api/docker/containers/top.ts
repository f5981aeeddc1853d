import type { FastifyInstance } from 'fastify';
import { ownRuntime } from '../../../container/runtime.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { containerEvent } from '../../../network/containers/container-event.ts';
import type { Model } from '../../../network/model.ts';
import { queryOf } from '../../http/query.ts';

/** GET /containers/REF/top: the processes as the host's ps shows them, with any of its options. */
export function topRoute(
  app: FastifyInstance,
  { containers, events }: Pick<Model, 'containers' | 'events'>,
): void {
  app.get<{ Params: { ref: string } }>('/containers/:ref/top', async (request) => {
    const container = containers.find(request.params.ref);
    if (container.state.status !== 'running') {
      throw new FairleadError('conflict', `container ${container.id} is not running`);
    }
    const { titles, processes } = await ownRuntime(containers.runtime).top(
      container.id,
      queryOf(request).get('ps_args') || '-ef',
    );
    events.emit(containerEvent(container, 'top'));
    return { Processes: processes, Titles: titles };
  });
}
