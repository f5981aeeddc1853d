import { enginesTests, everyOrder } from './engines.ts';

enginesTests({ store: 'zookeeper', orders: everyOrder });
