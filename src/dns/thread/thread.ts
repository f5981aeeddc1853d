import { parentPort, workerData } from 'node:worker_threads';
import { FairleadError, kindOf, messageOf } from '../../lib/errors.ts';
import { createLogger } from '../../lib/log.ts';
import { createDns, type Dns } from '../dns.ts';
import { MirroredNames } from './mirrored-names.ts';
import type { Asked, Beginning, Order, Told } from './protocol.ts';

/** The thread that names are answered on. It ends with its port. */

const { options, logLevel, names }: Beginning = workerData;
const log = createLogger(logLevel, { write: (line) => tell({ line }) });
const dns = attempt(() => createDns({ directory: new MirroredNames(names), log, options }));

parentPort?.on('message', async ({ id, ...order }: Asked) => {
  try {
    if (dns instanceof FairleadError) throw dns;
    tell({ id, value: await obey(dns, order) });
  } catch (error) {
    tell({ id, error: { kind: kindOf(error), message: messageOf(error) } });
  }
});

function tell(told: Told): void {
  parentPort?.postMessage(told);
}

async function obey(dns: Dns, order: Order): Promise<unknown> {
  switch (order.order) {
    case 'start':
      return await dns.start();
    case 'listen':
      return await dns.ensureListeners(order.gateways);
    case 'status':
      return dns.status();
    case 'dump':
      return dns.dump();
    case 'refresh':
      return dns.refresh();
    case 'resync':
      return dns.resync();
    case 'lookup':
      return await dns.lookupAs(order.containerId, order.name);
    case 'metrics':
      return dns.metrics();
    case 'close':
      return await dns.close();
  }
}

/** What is wrong with the options is told to whoever asks first. */
function attempt(create: () => Dns): Dns | FairleadError {
  try {
    return create();
  } catch (error) {
    return new FairleadError(kindOf(error), messageOf(error));
  }
}
