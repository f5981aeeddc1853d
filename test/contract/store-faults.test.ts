import { startConsul } from '../rig/consul.ts';
import { startEtcd } from '../rig/etcd.ts';
import { startZooKeeper } from '../rig/zookeeper.ts';
import { describeFaults } from './store/faults.ts';

describeFaults({ provider: 'etcd', start: startEtcd });
describeFaults({ provider: 'consul', start: startConsul });
describeFaults({ provider: 'zookeeper', start: startZooKeeper });
