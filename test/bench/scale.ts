import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../kvstore/open.ts';
import { parseStoreSpec } from '../../kvstore/remote/spec.ts';
import type { Store } from '../../kvstore/store.ts';
import { runToEnd } from '../rig/daemon.ts';
import { startEtcd } from '../rig/etcd.ts';
import { bundle } from './bundle.ts';
import { cpuSeconds, loadFully, type Measured } from './dns-load.ts';
import { type Benchmark, compare, measured, type Row, type Say } from './row.ts';
import { ScaleNode } from './scale-node.ts';
import { addEndpoints, seed } from './scale-seed.ts';
import { watchTraffic } from './scale-traffic.ts';

const size = { networks: 100, servicesPerNetwork: 100, nodes: 50 };
const endpointsPerNetwork = 500;
/** For V8 to give back what was needed for a moment. */
const restSeconds = 20;
const rounds = { ls: 10, restart: 5, dns: 13 };
const services = `${(size.networks * size.servicesPerNetwork).toLocaleString('en')} services`;
const endpoints = `${(size.networks * endpointsPerNetwork).toLocaleString('en')} endpoints`;
const lastNetwork = `net${size.networks - 1}`;
const atMost = (limit: number) => ({ value: 'ours', atMost: limit }) as const;

export const scale: Benchmark = {
  about: `${services} on ${size.networks} networks, ${endpoints} on one etcd; a daemon on all of the networks`,
  async run(say) {
    await using etcd = await startEtcd();
    const [large, little] = [
      await openStore(`${etcd.url}/large`, {}),
      await openStore(`${etcd.url}/little`, {}),
    ];
    try {
      return await measure({ etcd, large, little }, say);
    } finally {
      await Promise.all([large.close(), little.close()]);
    }
  },
};

interface Place {
  readonly etcd: { readonly port: number; readonly url: string };
  readonly large: Store;
  readonly little: Store;
}

/** The node of the figures is on every network: none could have to know more. Its peer knows one of them. */
async function measure({ etcd, large, little }: Place, say: Say): Promise<readonly Row[]> {
  const seeded = await seed(large, size);
  const { networks } = await seed(little, { ...size, networks: 1 });
  await using node = await ScaleNode.start(`${etcd.url}/large`);
  await using peer = await ScaleNode.start(`${etcd.url}/little`);
  await node.joinAll(seeded.networks);
  await peer.joinAll(networks);
  say(`${services} with their providers are in the store`);
  const listed = await lists(node);
  const peak = await memory(node, services, 'right after the lists');
  await sleep(restSeconds * 1000);
  const resident = { ...(await memory(node, services, 'at rest')), budget: atMost(250) };
  const before = [...listed, peak, resident, ...(await restarts(node, etcd.url))];
  const [rate, ...cost] = await dnsRates(node, peer, services);
  before.push({ ...rate, budget: { value: 'ratio', atLeast: 0.9 } }, ...cost);
  await addEndpoints(large, seeded, { from: size.servicesPerNetwork, to: endpointsPerNetwork });
  await node.knows(`container-${endpointsPerNetwork - 1}.${lastNetwork}`);
  say(`${endpoints} are in the store`);
  // No budget: a node that is on every network of so large a cluster is there to show what an endpoint takes.
  const after = [...(await dnsRates(node, peer, endpoints))];
  after.push(await memory(node, endpoints, 'right after the queries'));
  await sleep(restSeconds * 1000);
  after.push(await memory(node, endpoints, 'at rest'));
  return [...before, ...after, ...(await watchTraffic(etcd, large, seeded, say))];
}

async function lists(node: ScaleNode): Promise<readonly Row[]> {
  const commands = [
    { of: 'service', rows: size.networks * size.servicesPerNetwork, taken: [] as number[] },
    { of: 'network', rows: size.networks, taken: [] as number[] },
  ];
  for (let round = 0; round < rounds.ls; round += 1) {
    for (const { of, rows, taken } of commands) taken.push(await node.timed([of, 'ls'], rows));
  }
  return commands.map(({ of, taken }) =>
    measured({ what: `scale, ${services}: ${of} ls`, unit: 'ms', budget: atMost(300) }, taken),
  );
}

/** From the start of the program until DNS answers for the last of the networks; beside it what etcd is asked for, alone. */
async function restarts(node: ScaleNode, etcd: string): Promise<readonly Row[]> {
  const program = await bundle('bare-start');
  const [taken, bare, cpu]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds.restart; round += 1) {
    await node.daemon.kill('SIGTERM');
    bare.push(await bareStart(program, `${etcd}/large`));
    const start = performance.now();
    await node.daemon.start();
    await node.knows(`service-${size.servicesPerNetwork - 1}.${lastNetwork}`);
    taken.push((performance.now() - start) / 1000);
    cpu.push(await cpuSeconds(node.daemon.pid));
  }
  return [
    compare({
      what: `scale, ${services}: restart`,
      unit: 's',
      ours: taken,
      peer: { name: 'its calls of etcd alone', values: bare },
      budget: atMost(3),
    }),
    measured({ what: `scale, ${services}: CPU of a restart`, unit: 's' }, cpu),
  ];
}

/** Seconds. */
async function bareStart(program: string, storeUrl: string): Promise<number> {
  const { servers, prefix } = parseStoreSpec(storeUrl);
  const [{ host, port } = { host: '', port: 0 }] = servers;
  const start = performance.now();
  const { code, stderr } = await runToEnd([process.execPath, program, `${host}:${port}`, prefix]);
  if (code !== 0) throw new Error(`${program}: ${stderr}`);
  return (performance.now() - start) / 1000;
}

async function memory(node: ScaleNode, what: string, when: string): Promise<Row> {
  return { what: `scale, ${what}: memory ${when}`, unit: 'MB', ours: await node.memory() };
}

/** Names of all networks there, of the only one here. */
async function dnsRates(node: ScaleNode, peer: ScaleNode, what: string): Promise<readonly [Row, Row]> {
  const directory = await mkdtemp(join(tmpdir(), 'scale-'));
  const names = (networks: number) =>
    Array.from({ length: networks * size.servicesPerNetwork }, (_, n) => {
      const network = n % networks;
      return `service-${Math.floor(n / networks)}.net${network}`;
    });
  const load = async (of: ScaleNode, networks: number) =>
    await of.onOneCore((server) => loadFully(server, { directory, names: names(networks), seconds: 1 }));
  const [ours, theirs]: [Measured[], Measured[]] = [[], []];
  for (let round = 0; round <= rounds.dns; round += 1) {
    const [a, b] = [await load(node, size.networks), await load(peer, 1)];
    if (round > 0) ours.push(a) && theirs.push(b);
  }
  return [
    compare({
      what: `scale, ${what}: DNS queries/s`,
      unit: '1/s',
      ours: ours.map(({ queriesPerSecond }) => queriesPerSecond),
      peer: { name: 'with 100 services', values: theirs.map(({ queriesPerSecond }) => queriesPerSecond) },
    }),
    compare({
      what: `scale, ${what}: CPU per DNS query`,
      unit: 'µs',
      ours: ours.map(({ cpuMicros }) => cpuMicros),
      peer: { name: 'with 100 services', values: theirs.map(({ cpuMicros }) => cpuMicros) },
    }),
  ];
}
