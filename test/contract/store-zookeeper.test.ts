import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, it } from 'vitest';
import { openStore } from '../../kvstore/open.ts';
import { ZooKeeperClient } from '../../kvstore/zookeeper/client.ts';
import { historySize } from '../../kvstore/zookeeper/log.ts';
import { mapConcurrent } from '../../src/lib/map-concurrent.ts';
import { startZooKeeper, type ZooKeeperServer } from '../rig/zookeeper.ts';
import { Follower } from './store/follower.ts';
import { eventually, put, write } from './store/rig.ts';
import { serverRig } from './store/server-rig.ts';
import { describeStore } from './store.ts';

let zookeeper: ZooKeeperServer;
beforeAll(async () => {
  zookeeper = await startZooKeeper();
}, 60_000);
afterAll(() => zookeeper?.[Symbol.asyncDispose]());

describeStore('zookeeper', async () => serverRig(zookeeper.url));

it('keeps notes of the latest commits only, and a watch goes on all the same', async () => {
  const path = randomUUID();
  const store = await openStore(`${zookeeper.url}/${path}`, {});
  const follower = new Follower(store, 'f/');
  const count = 2 * historySize + 10;
  const writes = Array.from({ length: count }, (_, i) => put(`f/${i % 7}`, String(i)));
  // Each has a deadline of its own, which a slow disk must not have all of them miss.
  await mapConcurrent(writes, 100, (one) => write(store, one));
  await eventually('the last value', () => follower.state.get(`f/${(count - 1) % 7}`) === String(count - 1));
  const server = { host: '127.0.0.1', port: zookeeper.port, secure: false };
  const options = { tls: undefined, token: undefined, namespace: undefined, login: undefined };
  const client = new ZooKeeperClient([server], options, 10_000);
  const kept = async () => (await client.children(`/${path}/fairlead/commits`)).length;
  await eventually('old notes are swept', async () => (await kept()) < historySize + 20, 20_000);
  assert.ok((await kept()) > historySize);
  await client.close();
  await store.close();
}, 60_000);
