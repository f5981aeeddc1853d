import { enginesTests } from './engines.ts';

enginesTests({ store: 'zookeeper', orders: ['deDE', 'edED'] });
