import http from 'node:http';
import { z } from 'zod';
import { TestDaemon } from '../rig/daemon.ts';
import { startEngine } from '../rig/dockerd.ts';
import { TestHost } from '../rig/namespace.ts';

/** The same calls to a Docker Engine and to Fairlead, in turn, so that both meet the same noise. */
interface Target {
  readonly name: string;
  readonly socketPath: string;
  /** Connections are kept, as by the SDKs. */
  readonly agent: http.Agent;
}

interface Budget {
  readonly what: string;
  /** At most this share of the Engine's time. */
  readonly ratio: number;
  readonly rounds: number;
  /** Milliseconds of what is measured; what must be before and after it is done here too. */
  readonly measure: (target: Target, round: number) => Promise<number>;
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

/** Prints the medians and their ratios; resolves with whether every budget is kept. */
export async function run(): Promise<boolean> {
  await using engine = await startEngine();
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
  const engineTarget = target('Docker Engine', engine.socketPath);
  const ours = target('Fairlead', `${daemon.dataRoot}/fairlead.sock`);
  let kept = true;
  for (const each of [engineTarget, ours]) await prepare(each);
  for (const budget of budgets) {
    if (budget.what.startsWith('network ls')) for (const each of [engineTarget, ours]) await makeMany(each);
    const theirs: number[] = [];
    const own: number[] = [];
    for (let round = 0; round < budget.rounds; round += 1) {
      theirs.push(await budget.measure(engineTarget, round));
      own.push(await budget.measure(ours, round));
    }
    const [a, b] = [median(theirs), median(own)];
    const ok = b / a <= budget.ratio;
    kept &&= ok;
    console.log(
      `${budget.what}: Engine ${a.toFixed(1)} ms, Fairlead ${b.toFixed(1)} ms, ` +
        `${(b / a).toFixed(2)} × (budget ≤ ${budget.ratio} ×)${ok ? '' : ' MISSED'}`,
    );
  }
  for (const { agent } of [engineTarget, ours]) agent.destroy();
  return kept;
}

function target(name: string, socketPath: string): Target {
  return { name, socketPath, agent: new http.Agent({ keepAlive: true }) };
}

async function prepare(each: Target): Promise<void> {
  await call(each, 'POST', '/networks/create', { Name: 'attach', IPAM: pool(0) });
  const body = { Image: 'busybox', Cmd: ['sleep', '3600'] };
  await call(each, 'POST', '/containers/create?name=bench', body);
  await call(each, 'POST', '/containers/bench/start');
}

/** With subnets of their own: the Engine's default pools end after 30. */
async function makeMany(each: Target): Promise<void> {
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

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Rejects unless it succeeds: what failed must not count as fast. */
async function call(
  { name, socketPath, agent }: Target,
  method: string,
  path: string,
  body?: unknown,
): Promise<string> {
  const payload = body === undefined ? '' : JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
  return await new Promise((resolve, reject) => {
    const request = http.request(
      { socketPath, agent, method, path: `/v1.41${path}`, headers },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('end', () => {
          if ((response.statusCode ?? 500) < 400) resolve(text);
          else reject(new Error(`${name}: ${method} ${path}: ${response.statusCode} ${text}`));
        });
      },
    );
    request.once('error', reject);
    request.end(payload);
  });
}
