import { multihostTests } from './multihost.ts';

multihostTests({ store: 'zookeeper', moves: 10, leaseTtl: '6s' });
