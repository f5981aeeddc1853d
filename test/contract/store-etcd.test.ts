import { afterAll, beforeAll } from 'vitest';
import { type EtcdServer, startEtcd } from '../rig/etcd.ts';
import { serverRig } from './store/server-rig.ts';
import { describeStore } from './store.ts';

let etcd: EtcdServer;
beforeAll(async () => {
  etcd = await startEtcd();
}, 60_000);
afterAll(() => etcd?.[Symbol.asyncDispose]());

describeStore('etcd', async () => serverRig(etcd.url));
