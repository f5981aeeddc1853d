import { mkdir } from 'node:fs/promises';
import { isPenned, runPenned } from './pen.ts';
import { machine, type Ran, resultsFile, writeResults } from './results.ts';
import { type Benchmark, isMet, type Say } from './row.ts';
import { tableOf } from './table.ts';

/** `npm run bench [-- NAME…]`: each figure beside its peer in the same run. */
const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  dns: async () => (await import('./dns.ts')).dns,
  cli: async () => (await import('./cli.ts')).cli,
  engine: async () => (await import('./engine.ts')).engine,
  plugin: async () => (await import('./plugin.ts')).plugin,
  propagation: async () => (await import('./propagation.ts')).propagation,
  scale: async () => (await import('./scale.ts')).scale,
  'cluster-etcd': async () => (await import('./cluster.ts')).clusterOnEtcd,
  'cluster-consul': async () => (await import('./cluster.ts')).clusterOnConsul,
  'cluster-zookeeper': async () => (await import('./cluster.ts')).clusterOnZooKeeper,
  mixed: async () => (await import('./mixed.ts')).mixed,
  overlay: async () => (await import('./overlay.ts')).overlay,
};

/** Only when they are named: they take minutes, and have no peer. */
const onRequest: Readonly<Record<string, () => Promise<Benchmark>>> = {
  soak: async () => (await import('./soak.ts')).soak,
  'watch-traffic': async () => (await import('./watch-traffic.ts')).watchTraffic,
  churn: async () => (await import('./churn.ts')).churn,
};

const usage = `Usage: npm run bench [-- NAME…]

Runs benchmarks, prints how the figures stand beside their peers and budgets, and writes ${resultsFile}.
Without NAME: all but those on request. Exit code 1 when a budget is not met or a benchmark fails.
  list                    says what there is
  soak [SECONDS CLIENTS]  60 and 200 when they are not named`;

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  if (words.some((word) => word === '--help' || word === '-h')) return print(usage);
  if (words.length === 1 && words[0] === 'list') return await list();
  const all = { ...benchmarks, ...onRequest };
  // Numbers are for the soak: seconds and clients.
  const names = words.filter((word) => !/^\d+$/.test(word));
  const unknown = names.filter((name) => !Object.hasOwn(all, name));
  if (unknown.length > 0) {
    console.error(`no benchmark ${unknown.join(', ')}: there are ${Object.keys(all).join(', ')}`);
    return 2;
  }
  if (!isPenned()) return await runPenned();
  return await runAll(names.length > 0 ? names : Object.keys(benchmarks), all);
}

async function list(): Promise<number> {
  for (const [name, load] of Object.entries(benchmarks)) print(`${name.padEnd(18)} ${(await load()).about}`);
  for (const [name, load] of Object.entries(onRequest))
    print(`${name.padEnd(18)} ${(await load()).about} (on request)`);
  return 0;
}

/** One that fails does not keep the others from running. */
async function runAll(names: readonly string[], all: typeof benchmarks): Promise<number> {
  const [begun, on] = [new Date(), machine()];
  await mkdir('bench', { recursive: true });
  const done: Ran[] = [];
  for (const name of names) {
    const benchmark = await all[name]?.();
    if (benchmark) done.push(await runOne(name, benchmark, (line) => print(`  ${line}`)));
    await writeResults(begun, on, done);
  }
  return report(done, on);
}

async function runOne(name: string, { about, run }: Benchmark, say: Say): Promise<Ran> {
  print(`\n${name}: ${about}`);
  const start = performance.now();
  const seconds = () => Math.round((performance.now() - start) / 1000);
  try {
    const rows = await run(say);
    for (const line of tableOf(rows)) say(line);
    return { name, seconds: seconds(), rows };
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(`failed: ${failure}`);
    return { name, seconds: seconds(), rows: [], failure };
  }
}

function report(done: readonly Ran[], { cpu, cores, load, node }: ReturnType<typeof machine>): number {
  const rows = done.flatMap((ran) => ran.rows);
  if (done.length > 1) for (const line of ['', ...tableOf(rows)]) print(line);
  const demanded = rows.filter((row) => row.budget);
  const met = demanded.filter(isMet).length;
  const failed = done.filter(({ failure }) => failure !== undefined).map(({ name }) => name);
  print(`\n${cpu}, ${cores} cores, Node ${node}, load average at the start ${load}`);
  print(
    `${met} of ${demanded.length} budgets met${failed.length > 0 ? `; failed: ${failed.join(', ')}` : ''}`,
  );
  return met === demanded.length && failed.length === 0 ? 0 : 1;
}

function print(line: string): 0 {
  console.log(line);
  return 0;
}
