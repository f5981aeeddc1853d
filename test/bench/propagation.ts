import { Cluster } from '../rig/cluster.ts';
import { type StoreKind, storeKinds } from '../rig/stores.ts';
import { type Benchmark, quantile, type Row } from './row.ts';

const rounds = 200;
/** Milliseconds from the return of the attach on one node to the answer of the other's DNS. */
const budget = { p50: 20, p99: 100 } as const;

export const propagation: Benchmark = {
  about: 'attach returned on one node → the DNS of another answers, on each store',
  async run(say) {
    const rows: Row[] = [];
    for (const kind of storeKinds) {
      rows.push(...(await measure(kind)));
      say(`${kind.provider}: ${rounds} rounds`);
    }
    return rows;
  },
};

/** Two daemons on one real store, all on loopback. */
async function measure(kind: StoreKind): Promise<readonly Row[]> {
  const cluster = await Cluster.start({ kind, nodes: 2 });
  try {
    return await measureOn(cluster);
  } finally {
    await cluster[Symbol.asyncDispose]();
  }
}

async function measureOn(cluster: Cluster): Promise<readonly Row[]> {
  const [a, b] = [cluster.node(1), cluster.node(2)];
  await a.createNetwork('bar');
  await b.knows('bar');
  const asker = await b.runOn('bar', 'asker');
  await a.runOn('bar', 'keeper');
  await a.runOn('bridge', 'web');
  const service = await a.publish('svc', 'bar');
  await b.resolves(asker, 'svc', []);
  const [delays, attaches]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    const { status, text } = await a.attach(service, 'web');
    if (status !== 200) throw new Error(`attach: ${status} ${text}`);
    const returned = performance.now();
    // Asked without a pause: each question takes a fraction of a millisecond.
    while ((await b.ask(asker, 'svc'))?.addresses.length !== 1);
    delays.push(performance.now() - returned);
    attaches.push(returned - start);
    await a.detach(service, 'web');
    await b.resolves(asker, 'svc', []);
  }
  const what = (part: string) => `known on another node, ${cluster.kind.provider}: ${part}`;
  const atMost = (limit: number) => ({ value: 'ours', atMost: limit }) as const;
  return [
    { what: what('p50'), unit: 'ms', ours: quantile(delays, 0.5), budget: atMost(budget.p50) },
    { what: what('p99'), unit: 'ms', ours: quantile(delays, 0.99), budget: atMost(budget.p99) },
    { what: what('the attach itself, p50'), unit: 'ms', ours: quantile(attaches, 0.5) },
  ];
}
