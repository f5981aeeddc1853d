import { Cluster } from '../rig/cluster.ts';
import { type StoreKind, storeKinds } from '../rig/stores.ts';

const rounds = 200;
const budget = { p50: 20, p99: 100 } as const;

export interface PropagationResult {
  readonly store: string;
  /** Milliseconds from the return of the attach on one node to the answer of the other's DNS. */
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds that the attach itself took. */
  readonly attachP50: number;
}

/** Two daemons on one real store, all on loopback: how long after `attach` returned on A is the name B's? */
export async function run(
  print: (line: string) => void = console.log,
): Promise<readonly PropagationResult[]> {
  print(`attach returned on A → DNS on B answers; budget p50 ${budget.p50} ms, p99 ${budget.p99} ms`);
  const results: PropagationResult[] = [];
  for (const kind of storeKinds) {
    const result = await measure(kind);
    const kept = result.p50 <= budget.p50 && result.p99 <= budget.p99 ? 'kept' : 'exceeded';
    const [p50, p99, attach] = [result.p50, result.p99, result.attachP50].map((ms) => ms.toFixed(1));
    print(
      `  ${kind.provider.padEnd(10)} p50 ${p50} ms, p99 ${p99} ms (${kept}); the attach itself p50 ${attach} ms`,
    );
    results.push(result);
  }
  return results;
}

async function measure(kind: StoreKind): Promise<PropagationResult> {
  const cluster = await Cluster.start({ kind, nodes: 2 });
  try {
    return await measureOn(cluster);
  } finally {
    await cluster[Symbol.asyncDispose]();
  }
}

async function measureOn(cluster: Cluster): Promise<PropagationResult> {
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
  return {
    store: cluster.kind.provider,
    p50: quantile(delays, 0.5),
    p99: quantile(delays, 0.99),
    attachP50: quantile(attaches, 0.5),
  };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
