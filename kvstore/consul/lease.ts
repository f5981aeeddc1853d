import * as z from 'zod';
import { type Grant, LeaseGone } from '../remote/backend.ts';
import type { ConsulAnswer, ConsulHttp } from './http.ts';

const createdSchema = z.object({ ID: z.string() });

/**
 * A session that deletes its keys when it ends. Consul ends it after *twice* its TTL, so it is asked for
 * half of ours; but it grants no less than the servers' session_ttl_min, 10 s unless configured, and then
 * the keys of a dead process stay for up to 20 s. Without health checks: the end of a Consul agent is no
 * reason to take a process for dead. Without lock delay: the keys are free at once.
 */
export async function grantConsulLease(http: ConsulHttp, ttlSeconds: number): Promise<Grant> {
  let answer = await create(http, `${ttlSeconds * 500}ms`);
  const least = /must be between \[([^=]+)=/.exec(answer.text)?.[1];
  if (answer.status !== 200 && least) answer = await create(http, least);
  if (answer.status !== 200)
    throw new Error(`cannot create a session: ${answer.status} ${answer.text.trim()}`);
  const { ID: id } = createdSchema.parse(JSON.parse(answer.text));
  return consulLease(http, id);
}

export function consulLease(http: ConsulHttp, id: string): Grant {
  return {
    id,
    ticket: id,
    renew: () => renew(http, id),
    revoke: async () => {
      await http.ask({ method: 'PUT', path: `/v1/session/destroy/${id}` });
    },
    abandon: async () => {},
  };
}

/** An invalid TTL is answered with 400 or 500, by version. */
function create(http: ConsulHttp, ttl: string): Promise<ConsulAnswer> {
  const body = { Name: 'fairlead', TTL: ttl, Behavior: 'delete', LockDelay: '0s', NodeChecks: [] };
  return http.ask({ method: 'PUT', path: '/v1/session/create', body }).catch((error) => {
    if (!/must be between/.test(String(error))) throw error;
    return { status: 500, index: 0, text: String(error), transfer: 0 };
  });
}

async function renew(http: ConsulHttp, id: string): Promise<void> {
  const answer = await http.ask({ method: 'PUT', path: `/v1/session/renew/${id}` });
  if (answer.status === 404) throw new LeaseGone(`session ${id} has ended`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text.trim()}`);
}
