import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { runToEnd, type TestDaemon } from '../rig/daemon.ts';
import { HostCluster } from '../rig/host-cluster.ts';
import { Underlay } from '../rig/underlay.ts';
import { type Benchmark, compare, measured, type Row, type Say } from './row.ts';

/**
 * Overlay networks between three hosts on this machine: TCP through the overlay beside the bare veth path between
 * the same hosts, at the same MTU, taking turns; then 1,000 endpoints on one network.
 */

const rounds = 7;
const seconds = 1;
const endpoints = 1000;

export const overlay: Benchmark = {
  about: 'TCP between hosts: overlay beside the bare path; 1,000 endpoints on one network',
  run: measure,
};

/** Takes about a minute and a half. */
async function measure(say: Say): Promise<readonly Row[]> {
  const cluster = await HostCluster.create({ hosts: 3, store: 'etcd', flags: ['--dns-listen', 'none'] });
  try {
    return [await throughput(cluster, say), ...(await convergence(cluster))];
  } finally {
    // Asking daemons to take a thousand endpoints away one by one would take longer than all of the above.
    await cluster.abandon();
  }
}

async function throughput(cluster: HostCluster, say: Say): Promise<Row> {
  const [one, two] = [cluster.daemon(1), cluster.daemon(2)];
  await one.ok('network', 'create', '-d', 'overlay', '--subnet', '10.40.0.0/16', 'wide');
  await settled(cluster, 'wide');
  const from = await sandboxOf(one, await one.ok('run', '-d', '--name', 'c1', '--net', 'wide', 'x'));
  const to = await sandboxOf(two, await two.ok('run', '-d', '--name', 'c2', '--net', 'wide', 'x'));
  const [address = ''] = /10\.40\.\d+\.\d+(?=\/)/.exec(await inside(to, 'ip', 'addr')) ?? [];
  const [, mtu = ''] = /mtu (\d+)/.exec(await inside(from, 'ip', 'link', 'show', 'eth0')) ?? [];
  for (const [here, there] of [[1, 2] as const, [2, 1] as const]) {
    await cluster
      .host(here)
      .run('ip', 'route', 'add', `${Underlay.address(there)}/32`, 'dev', 'up0', 'mtu', mtu);
  }
  const [bare, through]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await gigabits(cluster.host(1).path, cluster.host(2).path, Underlay.address(2)));
    through.push(await gigabits(from, to, address));
  }
  say(`TCP at an MTU of ${mtu}: ${rounds} rounds of ${seconds} s each`);
  return compare({
    what: 'overlay: TCP throughput',
    unit: 'Gbit/s',
    ours: through,
    peer: { name: 'bare veth', values: bare },
    // Swarm's overlay, measured in the same way on such a machine.
    budget: { value: 'ratio', atLeast: 0.69 },
  });
}

const iperfReport = z.object({ end: z.object({ sum_received: z.object({ bits_per_second: z.number() }) }) });

/** From one namespace to another. */
async function gigabits(from: string, to: string, address: string): Promise<number> {
  const server = spawn('nsenter', [`--net=${to}`, 'iperf3', '-s', '-1', '--forceflush'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await said(server, 'Server listening');
    const words = ['nsenter', `--net=${from}`, 'iperf3', '-J', '-t', String(seconds), '-c', address];
    const { stdout } = await runToEnd(words);
    return iperfReport.parse(JSON.parse(stdout)).end.sum_received.bits_per_second / 1e9;
  } finally {
    server.kill('SIGKILL');
  }
}

async function said(child: ChildProcess, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let all = '';
    child.once('error', () => reject(new Error('iperf3 is needed: bash test/rig/packages.sh')));
    child.stdout?.on('data', (chunk: Buffer) => {
      all += chunk;
      if (all.includes(text)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`iperf3 ended with ${code}: ${all}`)));
  });
}

/** Real endpoints with real interfaces, on four containers of each host: the record of one holds some 200. */
async function convergence(cluster: HostCluster): Promise<readonly Row[]> {
  for (const daemon of cluster.daemons) {
    for (let n = 0; n < 4; n += 1) await daemon.ok('run', '-d', '--name', `many${n}`, '--net', 'wide', 'x');
  }
  const before = await memory(cluster);
  const start = performance.now();
  let done = 14;
  const lags: number[] = [];
  const own = [5, 5, 4];
  await Promise.all(
    cluster.daemons.map(async (daemon, index) => {
      for (let n = index; done < endpoints; n += 3) {
        done += 1;
        own[index] = (own[index] ?? 0) + 1;
        const address = await attach(daemon, `s${n}`, `many${n % 4}`);
        // What a sample of them takes to be known on the next host.
        if (n % 100 < 3) lags.push(await programmed(cluster, ((index + 1) % 3) + 1, address));
      }
    }),
  );
  const attached = performance.now();
  const isComplete = async (index: number) =>
    (await entries(cluster, index + 1)) === endpoints - (own[index] ?? 0);
  await Promise.all(cluster.daemons.map((_, index) => waitFor(() => isComplete(index))));
  const converged = performance.now();
  const after = await memory(cluster);
  const grown = after.map((rss, index) => rss - (before[index] ?? Number.NaN));
  const what = `overlay, ${endpoints.toLocaleString('en')} endpoints on 3 hosts`;
  return [
    { what: `${what}: published and attached`, unit: '1/s', ours: endpoints / ((attached - start) / 1000) },
    { what: `${what}: last attach → every host programmed`, unit: 'ms', ours: converged - attached },
    measured({ what: `${what}: an attach → another host programmed`, unit: 'ms' }, lags),
    measured({ what: `${what}: a daemon's memory grows by`, unit: 'MB' }, grown),
  ];
}

const published = z.string();
const listed = z.array(z.object({ ipv4: z.string() }));

async function attach(daemon: TestDaemon, name: string, container: string): Promise<string> {
  const body = { name, network_name: 'wide' };
  const id = published.parse(await call(daemon, 'POST', '/v1.23/services', body));
  await call(daemon, 'POST', `/v1.23/services/${id}/backend`, { container_id: container });
  const [service] = listed.parse(await call(daemon, 'GET', `/v1.23/services?ref=${id}`));
  return service?.ipv4.split('/')[0] ?? '';
}

async function call(daemon: TestDaemon, method: string, path: string, body?: unknown): Promise<unknown> {
  const { status, text } = await daemon.call(method, path, body);
  if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Milliseconds until the host has the neighbour. */
async function programmed(cluster: HostCluster, host: number, address: string): Promise<number> {
  const start = performance.now();
  const { path } = cluster.host(host);
  await waitFor(async () => (await inside(path, 'ip', 'neigh', 'show', 'to', address)).includes('PERMANENT'));
  return performance.now() - start;
}

async function entries(cluster: HostCluster, host: number): Promise<number> {
  const shown = await inside(cluster.host(host).path, 'ip', 'neigh', 'show', 'nud', 'permanent');
  return shown.split('\n').filter((line) => line.startsWith('10.40.')).length;
}

/** Resident, in megabytes. */
async function memory({ daemons }: HostCluster): Promise<number[]> {
  return await Promise.all(
    daemons.map(async ({ pid }) => {
      const [, kilobytes = ''] = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
      return Number(kilobytes) / 1024;
    }),
  );
}

async function settled(cluster: HostCluster, network: string): Promise<void> {
  for (const daemon of cluster.daemons) {
    await waitFor(async () => (await daemon.ok('network', 'ls')).includes(` ${network} `));
  }
}

async function sandboxOf({ dataRoot }: TestDaemon, containerId: string): Promise<string> {
  const tag = (await readFile(`${dataRoot}/node-id`, 'utf8')).slice(0, 4);
  return `/run/netns/fl${tag}-${containerId.slice(0, 12)}`;
}

async function inside(namespace: string, ...words: readonly string[]): Promise<string> {
  return (await runToEnd(['nsenter', `--net=${namespace}`, ...words])).stdout;
}

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('not within a minute');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
