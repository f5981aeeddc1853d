import type { FastifyInstance } from 'fastify';
import type { Container } from '../../container/container.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Model } from '../../network/model.ts';
import { queryOf } from '../http/query.ts';
import { listJson, sandboxKey } from './shapes.ts';

type Id = { Params: { id: string } };

/** /sandboxes of the last shape, to be read: every running container is one, under its own id. */
export function sandboxRoutes(app: FastifyInstance, { containers }: Model): void {
  const running = () => containers.list().filter(({ state }) => state.status === 'running');
  app.get('/sandboxes', async (request) => {
    const query = queryOf(request);
    const exact = query.get('container-id');
    const prefix = query.get('partial-container-id') || query.get('partial-id') || '';
    const selected = running().filter(({ id }) => (exact ? id === exact : id.startsWith(prefix)));
    return listJson(selected.map(sandboxJson));
  });
  app.get<Id>('/sandboxes/:id', async (request) => {
    const container = running().find(({ id }) => id === request.params.id);
    if (!container) throw new FairleadError('not-found', 'Resource not found: Sandbox');
    return sandboxJson(container);
  });
  const refuse = async () => {
    throw new FairleadError(
      'unsupported',
      'sandboxes come and go with their containers: create or remove those',
    );
  };
  app.post('/sandboxes', refuse);
  app.delete('/sandboxes/:id', refuse);
}

function sandboxJson({ id }: Container): Record<string, string> {
  return { id, key: sandboxKey(id), container_id: id };
}
