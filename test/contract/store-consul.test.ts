import assert from 'node:assert/strict';
import { afterAll, beforeAll, it } from 'vitest';
import { z } from 'zod';
import { openStore } from '../../kvstore/open.ts';
import { type ConsulServer, startConsul } from '../rig/consul.ts';
import { serverRig } from './store/server-rig.ts';
import { describeStore } from './store.ts';

const sessionsSchema = z.array(
  z.object({
    TTL: z.string(),
    Behavior: z.string(),
    LockDelay: z.number(),
    NodeChecks: z
      .array(z.string())
      .nullable()
      .transform((checks) => checks ?? []),
  }),
);

let consul: ConsulServer;
beforeAll(async () => {
  consul = await startConsul();
}, 60_000);
afterAll(() => consul?.[Symbol.asyncDispose]());

describeStore('consul', async () => serverRig(consul.url));

it('asks for half of the TTL, or for the least that the server grants, and for no health checks', async () => {
  await using strict = await startConsul({ sessionTtlMin: '10s' });
  for (const [server, ttl, expected] of [
    [consul, 15, '7500ms'],
    [strict, 15, '10s'],
    [strict, 30, '15000ms'],
  ] as const) {
    const store = await openStore(server.url, {});
    const lease = await store.lease(ttl);
    const answer = await fetch(`http://127.0.0.1:${server.port}/v1/session/info/${lease.id}`);
    const [session] = sessionsSchema.parse(await answer.json());
    assert.deepEqual(session, { TTL: expected, Behavior: 'delete', LockDelay: 0, NodeChecks: [] });
    await lease.revoke();
    await store.close();
  }
}, 30_000);
