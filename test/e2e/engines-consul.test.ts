import { enginesTests, ordersOfAnyStore } from './engines.ts';

enginesTests({ store: 'consul', orders: ordersOfAnyStore });
