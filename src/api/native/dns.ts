import type { FastifyInstance } from 'fastify';
import { FairleadError } from '../../lib/errors.ts';
import type { ApiDeps } from '../deps.ts';
import { queryOf } from '../http/query.ts';

/** What a container gets for a name, and DNS's own state: dump and resync. */
export function dnsRoutes(app: FastifyInstance, { dns, probe }: Pick<ApiDeps, 'dns' | 'probe'>): void {
  app.get('/fairlead/probe', async (request) => {
    const query = queryOf(request);
    return await probe.probe(required(query, 'container'), required(query, 'name'));
  });
  app.get('/fairlead/dns', async () => dns.dump());
  app.post('/fairlead/dns/resync', async () => dns.resync());
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name) ?? '';
  if (value === '') throw new FairleadError('invalid', `the query needs ${name}=…`);
  return value;
}
