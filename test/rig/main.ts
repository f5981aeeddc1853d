import { parseArgs } from 'node:util';
import { HostCluster } from './host-cluster.ts';
import { type StoreName, storeNames } from './host-store.ts';
import { Underlay } from './underlay.ts';

/** `npm run rig -- --hosts 3 --store etcd`: a cluster on this machine to play with, until Ctrl-C. */
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '3' },
    store: { type: 'string', default: 'etcd' },
    'lease-ttl': { type: 'string' },
  },
});
const hosts = Number(values.hosts);
const store = storeNames.find((name) => name === values.store);
if (!Number.isInteger(hosts) || hosts < 1 || hosts > 200 || store === undefined) {
  console.error(`usage: npm run rig -- [--hosts 1-200] [--store ${storeNames.join('|')}] [--lease-ttl 15s]`);
  process.exit(1);
}
// Before anything is made: a signal at any moment leaves nothing behind.
const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
});
await play(hosts, store);

async function play(count: number, storeName: StoreName): Promise<void> {
  const leaseTtl = values['lease-ttl'];
  console.log(`starting ${storeName} and ${count} hosts …`);
  const cluster = await HostCluster.create({
    hosts: count,
    store: storeName,
    ...(leaseTtl ? { leaseTtl } : {}),
  });
  console.log(instructions(cluster, count));
  await stopped;
  console.log('\ncleaning up …');
  // Ctrl-C reached daemons and store as well: there is nobody left to be asked to clean up.
  await cluster.abandon();
  process.exit(0);
}

function instructions(cluster: HostCluster, count: number): string {
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  return [
    `KV store: ${cluster.storeUrl}`,
    ...numbers.flatMap((number) => [
      '',
      `host ${number}, ${Underlay.address(number)}:`,
      `  export FAIRLEAD_HOST=${cluster.daemon(number).host}`,
      `  nsenter --net=${cluster.host(number).path}`,
    ]),
    '',
    'for example, with FAIRLEAD_HOST of host 1, then with that of host 2:',
    '  node dist/bin/fairlead network create -d overlay multihost',
    '  node dist/bin/fairlead run -d --name c1 --publish-service db.multihost x',
    '  node dist/bin/fairlead run -d --name c2 --net multihost x',
    '  node dist/bin/fairlead exec c2 ping -c3 db',
    '',
    'cut a host off, and join it again:',
    ...numbers.slice(0, 1).map((number) => `  ${cluster.underlay.wireCommand(number, 'down')}`),
    ...numbers.slice(0, 1).map((number) => `  ${cluster.underlay.wireCommand(number, 'up')}`),
    '',
    'Ctrl-C takes all of it away.',
  ].join('\n');
}
