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
