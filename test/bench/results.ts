import { writeFile } from 'node:fs/promises';
import { arch, cpus, loadavg, release, totalmem } from 'node:os';
import { isMet, type Row } from './row.ts';
import { markdownOf } from './table.ts';

/** Not committed: the figures are this machine's, and of this run. The table alone is in results.md beside it. */
export const resultsFile = 'bench/results.json';

export interface Ran {
  readonly name: string;
  readonly seconds: number;
  readonly rows: readonly Row[];
  /** Why it has no rows. */
  readonly failure?: string;
}

/** What the figures depend on. */
export function machine() {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    kernel: `${release()} ${arch()}`,
    node: process.version,
    /** The average of the last minute: another program's work shows here. */
    load: Number(loadavg()[0]?.toFixed(2)),
  };
}

export async function writeResults(
  begun: Date,
  on: ReturnType<typeof machine>,
  all: readonly Ran[],
): Promise<void> {
  const benchmarks = all.map((ran) => ({
    ...ran,
    rows: ran.rows.map((row) => ({ ...row, met: isMet(row) ?? null })),
  }));
  const text = JSON.stringify({ begun: begun.toISOString(), machine: on, benchmarks }, null, 2);
  await writeFile(resultsFile, `${text}\n`);
  const table = markdownOf(all.flatMap(({ rows }) => rows));
  await writeFile(resultsFile.replace('.json', '.md'), `${table.join('\n')}\n`);
}
