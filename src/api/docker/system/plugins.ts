import type { FastifyInstance } from 'fastify';
import { FairleadError } from '../../../lib/errors.ts';

type Any = { Params: { '*': string } };

/** No plugin is installed through the API, and no account is needed for images that are only names. */
export function pluginRoutes(app: FastifyInstance): void {
  app.get('/plugins', async () => []);
  app.get<Any>('/plugins/*', async (request) => {
    const name = request.params['*'].replace(/\/json$/, '');
    throw new FairleadError('not-found', `plugin "${name}" not found`);
  });
  app.post('/auth', async () => {
    throw new FairleadError(
      'unsupported',
      'there is no registry to log in to: for Fairlead an image is only a name',
    );
  });
}
