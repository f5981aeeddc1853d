import { multihostTests } from './multihost.ts';

multihostTests({ store: 'etcd', moves: 200, leaseTtl: '6s' });
