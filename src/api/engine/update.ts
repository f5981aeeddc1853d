import type { FastifyInstance } from 'fastify';
import type { Containers } from '../../network/model.ts';
import { bodyText, decodeJson, readJson } from '../body.ts';
import { go } from '../go-json.ts';
import { limitWarnings } from './limits.ts';
import { parseRestart, restartPolicy } from './restart-policy.ts';

const containerUpdate = go.object('container.UpdateConfig', {
  RestartPolicy: restartPolicy,
});

/** POST /containers/REF/update: the restart policy. Resources are not limited, so their limits change nothing. */
export function updateRoute(app: FastifyInstance, containers: Containers): void {
  app.post<{ Params: { ref: string } }>('/containers/:ref/update', async (request) => {
    const { RestartPolicy } = readJson(request, containerUpdate, 'container.UpdateConfig');
    const { id, spec } = containers.find(request.params.ref);
    // The CLI sends the member always: without a name nothing was asked for.
    if (RestartPolicy.Name !== '') {
      await containers.setRestart(id, parseRestart(RestartPolicy, spec.autoRemove).restart);
    }
    return { Warnings: limitWarnings(decodeJson(bodyText(request), '')) };
  });
}
