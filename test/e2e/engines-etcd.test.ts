import { enginesTests, everyOrder } from './engines.ts';

enginesTests({ store: 'etcd', orders: everyOrder });
