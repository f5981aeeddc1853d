import { parentPort, workerData } from 'node:worker_threads';
import { FairleadError, kindOf, messageOf } from '../../lib/errors.ts';
import { createLogger } from '../../lib/log.ts';
import { createDns, type Dns } from '../dns.ts';
import { NameReplica } from './name-replica.ts';
import type { Message, Order, Request, ThreadOptions } from './protocol.ts';

/** The thread that names are answered on. It ends with its port. */

const { options, logLevel }: ThreadOptions = workerData;
const log = createLogger(logLevel, { write: (line) => send({ line }) });
let dns: Dns | undefined;

parentPort?.on('message', async ({ id, ...order }: Request) => {
  try {
    send({ id, value: await obey(order) });
  } catch (error) {
    send({ id, error: { kind: kindOf(error), message: messageOf(error) } });
  }
});

function send(message: Message): void {
  parentPort?.postMessage(message);
}

async function obey(order: Order): Promise<unknown> {
  if (order.order === 'start') {
    dns = createDns({ directory: new NameReplica(order.names), log, options });
    return await dns.start();
  }
  if (!dns) throw new FairleadError('unavailable', 'DNS has not been started');
  switch (order.order) {
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
