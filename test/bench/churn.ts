import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { call, type HttpClient, unixClient } from './http-call.ts';
import { growthRow, type Memory, memoryFlags, memoryOf, memoryText } from './memory.ts';
import type { Benchmark, Row, Say } from './row.ts';

/** An hour's worth of attaching and detaching, compressed. */
interface Churn {
  readonly way: 'simulated' | 'linux';
  readonly pairs: number;
  /** Containers, each of which is attached and detached again and again. */
  readonly clients: number;
}

/** The kernel takes 20 ms for each interface that goes; all else is the same in the simulated mode. */
const churns: readonly Churn[] = [
  { way: 'simulated', pairs: 100_000, clients: 16 },
  { way: 'linux', pairs: 5000, clients: 16 },
];
const samples = 5;

export const churn: Benchmark = {
  about: 'memory through 100,000 pairs of attach and detach',
  async run(say) {
    const rows: Row[] = [];
    for (const each of churns) rows.push(...(await measure(each, say)));
    return rows;
  },
};

async function measure({ way, pairs, clients }: Churn, say: Say): Promise<readonly Row[]> {
  await using host = await TestHost.create();
  await using daemon = await TestDaemon.start({
    namespace: host.path,
    nodeFlags: memoryFlags,
    flags: ['--dataplane', way, '--dns-listen', 'none'],
  });
  const client = unixClient(daemon.host.slice('unix://'.length));
  await call(client, 'POST', '/networks/create', { Name: 'churn' });
  for (let index = 0; index < clients; index += 1) {
    await call(client, 'POST', `/containers/create?name=c${index}`, { Image: 'x' });
    await call(client, 'POST', `/containers/c${index}/start`);
  }
  const part = Math.ceil(pairs / samples / clients);
  await attachAndDetach(client, clients, Math.ceil(part / 2));
  const memory: Memory[] = [await memoryOf(daemon)];
  const begun = performance.now();
  let idle = 0;
  for (let sample = 0; sample < samples; sample += 1) {
    await attachAndDetach(client, clients, part);
    const before = performance.now();
    memory.push(await memoryOf(daemon));
    idle += performance.now() - before;
  }
  const seconds = (performance.now() - begun - idle) / 1000;
  client.agent.destroy();
  const what = `churn, ${way}: ${samples * part * clients} pairs`;
  say(`${what}: ${memoryText(memory)}`);
  return [
    { what, unit: '1/s', ours: (samples * part * clients) / seconds },
    growthRow(`${what}: growth of the heap`, memory),
  ];
}

/** All containers side by side, each of them `times` times. */
async function attachAndDetach(client: HttpClient, clients: number, times: number): Promise<void> {
  const each = async (Container: string) => {
    for (let time = 0; time < times; time += 1) {
      await call(client, 'POST', '/networks/churn/connect', { Container });
      await call(client, 'POST', '/networks/churn/disconnect', { Container });
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => each(`c${index}`)));
}
