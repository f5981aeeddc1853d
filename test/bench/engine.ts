import { z } from 'zod';
import { TestDaemon } from '../rig/daemon.ts';
import { startEngine } from '../rig/dockerd.ts';
import { TestHost } from '../rig/namespace.ts';
import { penMilliseconds } from './cpu-time.ts';
import { call as callApi, type HttpClient, unixClient } from './http-call.ts';
import { type Benchmark, compare, type Row, type Say } from './row.ts';

/** The same calls to a Docker Engine and to Fairlead, in turn, so that both meet the same noise. */
interface Budget {
  readonly what: string;
  /** At most this share of the Engine's time. */
  readonly ratio: number;
  readonly rounds: number;
  /** Milliseconds of what is measured; what must be before and after it is done here too. */
  readonly measure: (target: HttpClient, round: number) => Promise<number>;
}

const created = z.object({ Id: z.string() });
const manyNetworks = 500;

const budgets: readonly Budget[] = [
  {
    what: 'network create',
    ratio: 0.4,
    rounds: 20,
    async measure(target, round) {
      const name = `bench-${round}`;
      const taken = await timed(() => call(target, 'POST', '/networks/create', { Name: name }));
      await call(target, 'DELETE', `/networks/${name}`);
      return taken;
    },
  },
  {
    what: 'attach of a running container',
    ratio: 0.5,
    rounds: 20,
    async measure(target) {
      const taken = await timed(() =>
        call(target, 'POST', '/networks/attach/connect', { Container: 'bench' }),
      );
      await call(target, 'POST', '/networks/attach/disconnect', { Container: 'bench', Force: false });
      return taken;
    },
  },
  {
    what: 'container create + start',
    ratio: 0.25,
    rounds: 15,
    async measure(target) {
      let id = '';
      const taken = await timed(async () => {
        const body = { Image: 'busybox', Cmd: ['sleep', '600'] };
        id = created.parse(JSON.parse(await call(target, 'POST', '/containers/create', body))).Id;
        await call(target, 'POST', `/containers/${id}/start`);
      });
      await call(target, 'DELETE', `/containers/${id}?force=1`);
      return taken;
    },
  },
  {
    what: `network ls with ${manyNetworks} networks`,
    ratio: 0.5,
    rounds: 30,
    measure: (target) => timed(() => call(target, 'GET', '/networks')),
  },
];

export const engine: Benchmark = {
  about: "the Engine's calls beside a Docker Engine: create, attach, start, list",
  run: measureAll,
};

async function measureAll(say: Say): Promise<readonly Row[]> {
  await using dockerd = await startEngine();
  await using host = await TestHost.create();
  await using daemon = await TestDaemon.start({
    namespace: host.path,
    flags: [
      '--dataplane',
      'linux',
      '--dns-listen',
      'none',
      '--default-address-pool',
      'base=172.16.0.0/12,size=24',
    ],
  });
  const engineTarget = unixClient(dockerd.socketPath);
  const ours = unixClient(`${daemon.dataRoot}/fairlead.sock`);
  const rows: Row[] = [];
  for (const each of [engineTarget, ours]) await prepare(each);
  for (const budget of budgets) {
    if (budget.what.startsWith('network ls')) for (const each of [engineTarget, ours]) await makeMany(each);
    const theirs: number[] = [];
    const own: number[] = [];
    const cpu = { theirs: 0, own: 0 };
    // The first round warms up: code is to be compiled, and caches to be filled, before it counts.
    for (let round = 0; round <= budget.rounds; round += 1) {
      const begun = await penMilliseconds();
      const their = await budget.measure(engineTarget, round);
      const between = await penMilliseconds();
      const our = await budget.measure(ours, round);
      if (round === 0) continue;
      theirs.push(their);
      own.push(our);
      cpu.theirs += between - begun;
      cpu.own += (await penMilliseconds()) - between;
    }
    const [a, b] = [cpu.theirs / budget.rounds, cpu.own / budget.rounds];
    say(
      `${budget.what}: ${budget.rounds} rounds; CPU with what undoes it: ${b.toFixed(0)} ms, Engine ${a.toFixed(0)} ms`,
    );
    rows.push(
      compare({
        what: `API: ${budget.what}`,
        unit: 'ms',
        ours: own,
        peer: { name: 'Docker Engine', values: theirs },
        budget: { value: 'ratio', atMost: budget.ratio },
      }),
    );
  }
  for (const { agent } of [engineTarget, ours]) agent.destroy();
  return rows;
}

async function prepare(each: HttpClient): Promise<void> {
  await call(each, 'POST', '/networks/create', { Name: 'attach', IPAM: pool(0) });
  const body = { Image: 'busybox', Cmd: ['sleep', '3600'] };
  await call(each, 'POST', '/containers/create?name=bench', body);
  await call(each, 'POST', '/containers/bench/start');
}

/** With subnets of their own: the Engine's default pools end after 30. */
async function makeMany(each: HttpClient): Promise<void> {
  for (let index = 1; index <= manyNetworks; index += 1) {
    await call(each, 'POST', '/networks/create', { Name: `many-${index}`, IPAM: pool(index) });
  }
}

function pool(index: number): object {
  return { Config: [{ Subnet: `10.${100 + Math.floor(index / 256)}.${index % 256}.0/24` }] };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function call(client: HttpClient, method: string, path: string, body?: unknown): Promise<string> {
  return await callApi(client, method, `/v1.41${path}`, body);
}
