import { parseArgs } from 'node:util';
import { EngineCluster } from './engine-cluster.ts';
import { HostCluster } from './host-cluster.ts';
import { type StoreName, storeNames } from './host-store.ts';
import { ofEngines, ofHosts } from './instructions.ts';

/** `npm run rig -- --hosts 3 --store etcd`: a cluster on this machine to play with, until Ctrl-C. */
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '3' },
    store: { type: 'string', default: 'etcd' },
    engines: { type: 'boolean', default: false },
    'lease-ttl': { type: 'string' },
  },
});
const hosts = Number(values.hosts);
const store = storeNames.find((name) => name === values.store);
if (!Number.isInteger(hosts) || hosts < 1 || hosts > 200 || store === undefined) {
  console.error(
    `usage: npm run rig -- [--hosts 1-200] [--store ${storeNames.join('|')}] [--engines] [--lease-ttl 15s]`,
  );
  process.exit(1);
}
// Before anything is made: a signal at any moment leaves nothing behind.
const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
});
await play(hosts, store);

async function play(count: number, storeName: StoreName): Promise<void> {
  const leaseTtl = values['lease-ttl'];
  const options = { hosts: count, store: storeName, ...(leaseTtl ? { leaseTtl } : {}) };
  console.log(`starting ${storeName} and ${count} hosts${values.engines ? ' with an Engine each' : ''} …`);
  const abandon = values.engines ? await playWithEngines(options) : await playWithHosts(options);
  await stopped;
  console.log('\ncleaning up …');
  // Ctrl-C reached daemons and store as well: there is nobody left to be asked to clean up.
  await abandon();
  process.exit(0);
}

type Options = Parameters<typeof HostCluster.create>[0];

async function playWithHosts(options: Options): Promise<() => Promise<void>> {
  const cluster = await HostCluster.create(options);
  console.log(ofHosts(cluster));
  return () => cluster.abandon();
}

async function playWithEngines(options: Options): Promise<() => Promise<void>> {
  const cluster = await EngineCluster.create(options);
  console.log(ofEngines(cluster));
  return () => cluster[Symbol.asyncDispose]();
}
