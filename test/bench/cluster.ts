import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { openStore } from '../../kvstore/open.ts';
import { type RunningStore, storeKinds } from '../rig/stores.ts';
import { until } from '../rig/until.ts';
import { bundle } from './bundle.ts';
import { type Answer, answerSchema, type Order } from './cluster-protocol.ts';
import { cpuSeconds } from './dns-load.ts';
import { type Benchmark, quantile, type Row, type Say } from './row.ts';
import { seed } from './scale-seed.ts';

interface Plan {
  readonly provider: string;
  readonly nodes: number;
  readonly attachesPerSecond: number;
}

/** The benchmark is to end also where the machine is busy. */
const joinSeconds = 120;
const processes = 4;
const networks = 100;
const quietSeconds = 15;
const churnSeconds = 20;

/** Consul tells a folder again whole when one key of it changes, and ZooKeeper's commits all write one log: */
const fewer = 200;

export const clusterOnEtcd = benchmark({ provider: 'etcd', nodes: 1000, attachesPerSecond: 50 });
export const clusterOnConsul = benchmark({ provider: 'consul', nodes: fewer, attachesPerSecond: 20 });
export const clusterOnZooKeeper = benchmark({ provider: 'zookeeper', nodes: fewer, attachesPerSecond: 20 });

function benchmark(plan: Plan): Benchmark {
  return {
    about: `${plan.nodes} nodes on one ${plan.provider}, at rest and at ${plan.attachesPerSecond} attaches/s`,
    async run(say) {
      const kind = storeKinds.find(({ provider }) => provider === plan.provider);
      if (!kind) throw new Error(`no store ${plan.provider}`);
      await using running = await kind.start();
      return await measure(plan, running, say);
    },
  };
}

async function measure(plan: Plan, running: RunningStore, say: Say): Promise<readonly Row[]> {
  const url = `${plan.provider}:127.0.0.1:${running.port}/cluster`;
  const store = await openStore(url, {});
  const groups: Group[] = [];
  try {
    const program = await bundle('cluster-nodes');
    const { nodes: seeded } = await seed(store, { networks, servicesPerNetwork: 5, nodes: 5 });
    const share = plan.nodes / processes;
    for (let n = 0; n < processes; n += 1) groups.push(new Group(program, url, n * share, share));
    return await onGroups(plan, groups, { pid: running.server.pid, others: seeded.length }, say);
  } finally {
    for (const group of groups) group.end();
    await store.close();
  }
}

interface Around {
  /** Of the store's server. */
  readonly pid: number;
  /** Nodes that were there before. */
  readonly others: number;
}

async function onGroups(
  plan: Plan,
  groups: readonly Group[],
  { pid, others }: Around,
  say: Say,
): Promise<readonly Row[]> {
  const tell = async (order: Order) => sum(await Promise.all(groups.map((group) => group.tell(order))));
  const begun = performance.now();
  const joinCpu = await cpuSeconds(pid);
  const { joined, failures } = await tell({ order: 'join', seconds: joinSeconds });
  for (const failure of new Set(failures.slice(0, 3))) say(`  ${failure}`);
  const all = joined + others;
  const { fewestNodes } = await until(
    `every node knows ${all}`,
    () => tell({ order: 'count' }),
    (answer) => answer.fewestNodes >= all,
    60_000,
  );
  const joining = (performance.now() - begun) / 1000;
  say(`${plan.provider}: ${joined} nodes of ${plan.nodes} have joined, and each knows ${fewestNodes}`);
  const joinedCpu = (await cpuSeconds(pid)) - joinCpu;
  const before = await tell({ order: 'count' });
  const quiet = await during(pid, () => new Promise((resolve) => setTimeout(resolve, quietSeconds * 1000)));
  const rested = await tell({ order: 'count' });
  const perSecond = plan.attachesPerSecond / processes;
  const busy = await during(pid, () => tell({ order: 'churn', perSecond, seconds: churnSeconds }));
  // What was attached last is on its way.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const late = await tell({ order: 'count' });
  const churned = { ...busy.result, seen: [...busy.result.seen, ...late.seen] };
  say(`${churned.attached.length} attaches; failures: ${churned.failures.length}; leases lost: ${late.lost}`);
  for (const failure of new Set(churned.failures.slice(0, 3))) say(`  ${failure}`);
  return rowsOf(plan, { joining, joinedCpu, quiet, busy, before, rested, late, churned });
}

interface Taken {
  readonly joining: number;
  readonly joinedCpu: number;
  readonly quiet: { readonly cores: number };
  readonly busy: { readonly cores: number; readonly seconds: number };
  readonly before: Answer;
  readonly rested: Answer;
  readonly late: Answer;
  readonly churned: Answer;
}

function rowsOf(plan: Plan, taken: Taken): readonly Row[] {
  const { provider } = plan;
  const nodes = taken.late.joined;
  const what = (text: string) => `${nodes.toLocaleString('en')} nodes on ${provider}: ${text}`;
  const { attached, seen } = taken.churned;
  const returned = new Map(attached.map(({ endpoint, at }) => [endpoint, at]));
  const delays = seen.flatMap(({ endpoint, at }) => {
    const from = returned.get(endpoint);
    return from === undefined ? [] : [Math.max(0, at - from)];
  });
  const calls = ({ traffic: { gets, lists, commits } }: Answer) => gets + lists + commits;
  const perNode = (count: number) => count / taken.busy.seconds / nodes;
  const took = attached.map((each) => each.took);
  return [
    { what: what('all have joined and know each other'), unit: 's', ours: taken.joining },
    { what: what("joining, the server's CPU per node"), unit: 'ms', ours: (taken.joinedCpu / nodes) * 1000 },
    { what: what('at rest, cores of the server'), unit: 'cores', ours: taken.quiet.cores },
    {
      what: what('at rest, calls per node'),
      unit: '1/s',
      ours: (calls(taken.rested) - calls(taken.before)) / quietSeconds / nodes,
    },
    { what: what('attaches'), unit: '1/s', ours: attached.length / taken.busy.seconds },
    { what: what('churn, cores of the server'), unit: 'cores', ours: taken.busy.cores },
    {
      what: what('churn, calls per node'),
      unit: '1/s',
      ours: perNode(calls(taken.late) - calls(taken.rested)),
    },
    {
      what: what('churn, changes heard per node'),
      unit: '1/s',
      ours: perNode(taken.late.traffic.changes - taken.rested.traffic.changes),
    },
    { what: what('an attach, p50'), unit: 'ms', ours: quantile(took, 0.5) },
    { what: what('an attach, p99'), unit: 'ms', ours: quantile(took, 0.99) },
    { what: what('attached → known to another node, p50'), unit: 'ms', ours: quantile(delays, 0.5) },
    { what: what('attached → known to another node, p99'), unit: 'ms', ours: quantile(delays, 0.99) },
    { what: what('leases lost'), unit: '', ours: taken.late.lost },
    { what: what('memory of a node beside its program'), unit: 'MB', ours: taken.late.megabytes / nodes },
  ];
}

async function during<T>(pid: number, work: () => Promise<T>) {
  const [start, before] = [performance.now(), await cpuSeconds(pid)];
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  return { result, seconds, cores: ((await cpuSeconds(pid)) - before) / seconds };
}

/** A process with its share of the nodes. */
class Group {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  constructor(program: string, url: string, first: number, count: number) {
    const words = [url, first, count, networks].map(String);
    this.#child = fork(program, words, { execArgv: ['--max-old-space-size=6144'] });
    this.#ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`a process of nodes ended with ${code}`);
    });
    this.#ended.catch(() => {});
  }

  async tell(order: Order): Promise<Answer> {
    const answer = once(this.#child, 'message');
    this.#child.send(order);
    const [message] = await Promise.race([answer, this.#ended]);
    return answerSchema.parse(message);
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

function sum(answers: readonly Answer[]): Answer {
  const add = (of: (answer: Answer) => number) => answers.reduce((total, answer) => total + of(answer), 0);
  return {
    joined: add(({ joined }) => joined),
    traffic: {
      gets: add(({ traffic }) => traffic.gets),
      lists: add(({ traffic }) => traffic.lists),
      commits: add(({ traffic }) => traffic.commits),
      changes: add(({ traffic }) => traffic.changes),
      entries: add(({ traffic }) => traffic.entries),
    },
    lost: add(({ lost }) => lost),
    fewestNodes: Math.min(...answers.map(({ fewestNodes }) => fewestNodes)),
    megabytes: add(({ megabytes }) => megabytes),
    attached: answers.flatMap(({ attached }) => attached),
    seen: answers.flatMap(({ seen }) => seen),
    failures: answers.flatMap(({ failures }) => failures),
  };
}
