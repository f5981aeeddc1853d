import type { FastifyInstance } from 'fastify';
import type { Model } from '../../network/model.ts';
import { queryOf } from '../http/query.ts';

/** GET /fairlead/doctor?network=REF reports what differs on this host; POST also repairs it. */
export function doctorRoutes(app: FastifyInstance, { doctor }: Pick<Model, 'doctor'>): void {
  app.get('/fairlead/doctor', (request) => doctor.examine(queryOf(request).get('network') ?? undefined));
  app.post('/fairlead/doctor', (request) =>
    doctor.examine(queryOf(request).get('network') ?? undefined, { repair: true }),
  );
}
