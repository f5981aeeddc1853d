import { afterAll, beforeAll } from 'vitest';
import { type ConsulServer, startConsul } from '../rig/consul.ts';
import { serverRig } from './store/server-rig.ts';
import { describeStore } from './store.ts';

let consul: ConsulServer;
beforeAll(async () => {
  consul = await startConsul();
}, 60_000);
afterAll(() => consul?.[Symbol.asyncDispose]());

describeStore('consul', async () => serverRig(consul.url));
