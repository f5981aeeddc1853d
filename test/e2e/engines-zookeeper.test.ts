import { enginesTests, ordersOfAnyStore } from './engines.ts';

enginesTests({ store: 'zookeeper', orders: ordersOfAnyStore });
