import * as z from 'zod';
import { messageOf } from '../../src/lib/errors.ts';
import { type Grant, LeaseGone } from '../remote/backend.ts';
import { type ConsulClient, reasonOf } from './client.ts';

const createdSchema = z.object({ ID: z.string() });

/**
 * A session that deletes its keys when it ends. Consul ends it after *twice* its TTL, so it is asked for
 * half of ours; but it grants no less than the servers' session_ttl_min, 10 s unless configured, and then
 * the keys of a dead process stay for up to 20 s. Without health checks: the end of a Consul agent is no
 * reason to take a process for dead. Without lock delay: the keys are free at once.
 */
export async function grantConsulLease(client: ConsulClient, ttlSeconds: number): Promise<Grant> {
  try {
    return await create(client, `${ttlSeconds * 500}ms`);
  } catch (error) {
    const least = /must be between \[([^=]+)=/.exec(messageOf(error))?.[1];
    if (least === undefined) throw error;
    return await create(client, least);
  }
}

export function consulLease(client: ConsulClient, id: string): Grant {
  return {
    id,
    ticket: id,
    renew: () => renew(client, id),
    revoke: async () => {
      await client.ask(({ session }, ctx) => session.destroy({ id, ctx }));
    },
    abandon: async () => {},
  };
}

async function create(client: ConsulClient, ttl: string): Promise<Grant> {
  const wish = { name: 'fairlead', ttl, behavior: 'delete', lockdelay: '0s', checks: [] } as const;
  const answer = await client.ask(({ session }, ctx) => session.create({ ...wish, ctx }));
  if (answer.status !== 200) throw new Error(`cannot create a session: ${reasonOf(answer)}`);
  return consulLease(client, createdSchema.parse(answer.body).ID);
}

async function renew(client: ConsulClient, id: string): Promise<void> {
  const answer = await client.ask(({ session }, ctx) => session.renew({ id, ctx }));
  if (answer.status === 404) throw new LeaseGone(`session ${id} has ended`);
  if (answer.status !== 200) throw new Error(reasonOf(answer));
}
