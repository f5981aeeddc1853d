import { multihostTests } from './multihost.ts';

multihostTests({ store: 'consul', moves: 10, leaseTtl: '6s' });
