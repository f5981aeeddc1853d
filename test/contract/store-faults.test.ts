import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Etcd3 } from 'etcd3';
import { it } from 'vitest';
import { openStore } from '../../kvstore/open.ts';
import { startConsul } from '../rig/consul.ts';
import { startEtcd } from '../rig/etcd.ts';
import { startProxy } from '../rig/proxy.ts';
import { startZooKeeper } from '../rig/zookeeper.ts';
import { describeFaults } from './store/faults.ts';
import { Follower } from './store/follower.ts';
import { put, remove, write } from './store/rig.ts';

describeFaults({ provider: 'etcd', start: startEtcd });
describeFaults({ provider: 'consul', start: startConsul });
describeFaults({ provider: 'zookeeper', start: startZooKeeper });

it('etcd compacted while a watch was cut off: it begins anew and has missed nothing', async () => {
  await using etcd = await startEtcd();
  await using link = await startProxy(etcd.port);
  const path = randomUUID();
  const near = await openStore(`${etcd.url}/${path}`, {});
  const far = await openStore(`etcd:127.0.0.1:${link.port}/${path}`, {});
  await write(near, put('f/gone', '1'), put('f/stays', '1'));
  const follower = new Follower(far, 'f/');
  await follower.sees({ 'f/gone': '1', 'f/stays': '1' });
  link.refuse();
  await write(near, remove('f/gone'));
  const versions = await write(near, put('f/stays', '2'), put('f/new', '1'));
  const client = new Etcd3({ hosts: `http://127.0.0.1:${etcd.port}` });
  await client.kv.compact({ revision: versions.get('f/new') ?? '', physical: true });
  client.close();
  link.heal();
  await follower.sees({ 'f/stays': '2', 'f/new': '1' }, 12_000);
  await far.close();
  await near.close();
}, 60_000);

it('consul restored from a snapshot while a watch waits: its index goes back, and the watch sees the past', async () => {
  await using consul = await startConsul();
  const store = await openStore(consul.url, {});
  await write(store, put('f/a', 'then'), put('f/gone', '1'));
  const follower = new Follower(store, 'f/');
  await follower.sees({ 'f/a': 'then', 'f/gone': '1' });
  const snapshot = await fetch(`http://127.0.0.1:${consul.port}/v1/snapshot`);
  const body = Buffer.from(await snapshot.arrayBuffer());
  for (let round = 0; round < 50; round++) await write(store, put('f/a', `now ${round}`));
  await write(store, remove('f/gone'), put('f/new', '1'));
  await follower.sees({ 'f/a': 'now 49', 'f/new': '1' });
  const restored = await fetch(`http://127.0.0.1:${consul.port}/v1/snapshot`, { method: 'PUT', body });
  assert.equal(restored.status, 200);
  await follower.sees({ 'f/a': 'then', 'f/gone': '1' }, 12_000);
  await write(store, put('f/a', 'after'));
  await follower.sees({ 'f/a': 'after', 'f/gone': '1' }, 12_000);
  await store.close();
}, 60_000);
