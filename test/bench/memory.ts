import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDaemon } from '../rig/daemon.ts';
import type { Row } from './row.ts';

const answer = `process.on('SIGUSR2', () => {
  gc(); gc();
  const { heapUsed, rss } = process.memoryUsage();
  process.stderr.write('memory: ' + heapUsed + ' ' + rss + String.fromCharCode(10));
});`;

/** Flags of Node for a daemon that, asked by a signal, collects its garbage and says what is left. */
export const memoryFlags = ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(answer)}`];

/** Megabytes. */
export interface Memory {
  readonly heap: number;
  readonly resident: number;
}

/** What is left after a while without work and a collection. */
export async function memoryOf(daemon: TestDaemon): Promise<Memory> {
  await sleep(2000);
  const before = daemon.output.length;
  process.kill(daemon.pid, 'SIGUSR2');
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(20)) {
    const found = /memory: (\d+) (\d+)\n/.exec(daemon.output.slice(before));
    if (found) return { heap: Number(found[1]) / 2 ** 20, resident: Number(found[2]) / 2 ** 20 };
  }
  throw new Error('the daemon does not say what memory it takes');
}

export function memoryText(samples: readonly Memory[]): string {
  const shown = samples.map(({ heap, resident }) => `${heap.toFixed(1)}/${resident.toFixed(0)}`);
  return `heap/resident when idle, MB: ${shown.join(' ')}`;
}

/** Megabytes of noise: compiled code, caches that fill up. */
const noise = 4;

/** The first sample is to be taken when everything has been used once. */
export function growthRow(what: string, samples: readonly Memory[]): Row {
  const heap = samples.map((sample) => sample.heap);
  const growth = (heap.at(-1) ?? Number.NaN) - (heap[0] ?? Number.NaN);
  return { what, unit: 'MB', ours: growth, budget: { value: 'ours', atMost: noise } };
}
