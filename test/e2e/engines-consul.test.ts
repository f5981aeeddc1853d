import { enginesTests } from './engines.ts';

// What the store has a part in; engines-etcd.test.ts has every order.
enginesTests({ store: 'consul', orders: ['dD', 'eE', 'deDE'] });
