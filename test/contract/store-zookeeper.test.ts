import { afterAll, beforeAll } from 'vitest';
import { startZooKeeper, type ZooKeeperServer } from '../rig/zookeeper.ts';
import { serverRig } from './store/server-rig.ts';
import { describeStore } from './store.ts';

let zookeeper: ZooKeeperServer;
beforeAll(async () => {
  zookeeper = await startZooKeeper();
}, 60_000);
afterAll(() => zookeeper?.[Symbol.asyncDispose]());

describeStore('zookeeper', async () => serverRig(zookeeper.url));
