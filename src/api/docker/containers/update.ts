import type { FastifyInstance } from 'fastify';
import { containerEvent } from '../../../network/containers/container-event.ts';
import type { Model } from '../../../network/model.ts';
import { go } from '../../go/json.ts';
import { bodyText, decodeJson, readJson } from '../../http/body.ts';
import { hostOptionWarnings } from '../isolation/host-options.ts';
import { parseRestart, restartPolicy } from './restart-policy.ts';

const containerUpdate = go.object('container.UpdateConfig', {
  RestartPolicy: restartPolicy,
});

/** POST /containers/REF/update: the restart policy. Resources are not limited, so their limits change nothing. */
export function updateRoute(
  app: FastifyInstance,
  { containers, events }: Pick<Model, 'containers' | 'events'>,
): void {
  app.post<{ Params: { ref: string } }>('/containers/:ref/update', async (request) => {
    const { RestartPolicy } = readJson(request, containerUpdate, 'container.UpdateConfig');
    const container = containers.find(request.params.ref);
    // The CLI sends the member always: without a name it changes nothing.
    if (RestartPolicy.Name !== '') {
      const { restart } = parseRestart(RestartPolicy, container.spec.autoRemove);
      await containers.setRestart(container.id, restart);
    }
    events.emit(containerEvent(container, 'update'));
    const warnings = hostOptionWarnings(decodeJson(bodyText(request), ''));
    return { Warnings: warnings.length === 0 ? null : warnings };
  });
}
