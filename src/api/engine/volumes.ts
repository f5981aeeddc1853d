import type { FastifyInstance } from 'fastify';
import { FairleadError } from '../../lib/errors.ts';

type Name = { Params: { name: string } };

/** There are no volumes; clients ask all the same. */
export function volumeRoutes(app: FastifyInstance): void {
  app.get('/volumes', async () => ({ Volumes: [], Warnings: null }));
  app.get<Name>('/volumes/:name', async (request) => {
    throw new FairleadError('not-found', `get ${request.params.name}: no such volume`);
  });
  app.delete<Name>('/volumes/:name', async (request) => {
    throw new FairleadError('not-found', `get ${request.params.name}: no such volume`);
  });
  app.post('/volumes/prune', async () => ({ VolumesDeleted: [], SpaceReclaimed: 0 }));
}
