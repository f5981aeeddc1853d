import { enginesTests, everyOrder } from './engines.ts';

enginesTests({ store: 'consul', orders: everyOrder });
