import { enginesTests } from './engines.ts';

enginesTests({ store: 'consul', orders: ['deDE', 'edED'] });
