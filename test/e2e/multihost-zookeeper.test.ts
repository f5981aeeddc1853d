import { multihostTests } from './multihost.ts';

// With the lease that daemons have when nobody says otherwise.
multihostTests({ store: 'zookeeper', moves: 10 });
